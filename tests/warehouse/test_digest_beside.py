"""A digest that is found beside other work is that of what the file holds when it is asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines.warehouse import digest_beside
from pipelines.warehouse.digest import sha256_of
from pipelines.warehouse.digest_beside import begin_digest, digest_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "build"
    path.write_bytes(b"x" * 3_000_000)
    os.utime(path, (0, 0))
    return path


def test_it_is_read_once_when_it_was_begun(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, read = sha256_of(file), list[Path]()
    monkeypatch.setattr(digest_beside, "sha256_of", lambda path: read.append(path) or sha256_of(path))
    begin_digest(file)
    assert digest_of(file) == right and read == [file]
    assert digest_of(file) == right and read == [file, file]


def test_a_file_that_was_written_to_meanwhile_is_read_again(file: Path) -> None:
    begin_digest(file)
    file.write_bytes(b"y" * 3_000_000)
    assert digest_of(file) == sha256_of(file)


def test_a_file_that_was_put_in_its_place_is_read(file: Path) -> None:
    begin_digest(file)
    file.with_name("other").write_bytes(b"y" * 3_000_000)
    file.with_name("other").replace(file)
    assert digest_of(file) == sha256_of(file)


def test_a_file_that_is_not_there_is_found_when_it_is(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    begin_digest(file)
    file.write_bytes(content)
    assert digest_of(file) == sha256_of(file)
    begin_digest(file)
    file.unlink()
    with pytest.raises(FileNotFoundError):
        digest_of(file)
