"""What is kept of another time is taken only where it would be made of the same, and is as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines import effects
from pipelines.made_before import made_before

THING = [["K04", "宮崎", "2Z2AKORT6I"], ["", "\n", None]]


def _made(file: Path, made_of: str = "these", thing: Any = THING) -> tuple[Any, bool]:
    """What there is, and whether it had to be made."""
    times: list[int] = []

    def make() -> Any:
        times.append(1)
        return thing

    return made_before(file, made_of, make), bool(times)


def test_what_is_made_of_the_same_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "kept" / "thing"
    assert [_made(file), _made(file), _made(file)] == [(THING, True), (THING, False), (THING, False)]
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_made_of_something_else_is_made_anew_and_kept_instead(tmp_path: Path) -> None:
    file = tmp_path / "thing"
    _made(file)
    assert _made(file, "others", ["other"]) == (["other"], True)
    assert _made(file, "others") == (["other"], False)
    assert _made(file) == (THING, True)


@pytest.mark.parametrize("length", [0, 1, 64, 65, -1])
def test_what_was_cut_is_made_anew(tmp_path: Path, length: int) -> None:
    file = tmp_path / "thing"
    _made(file)
    file.write_bytes(file.read_bytes()[:length])
    assert [_made(file), _made(file)] == [(THING, True), (THING, False)]


@pytest.mark.parametrize("place", [0, 64, 70, -1])
def test_what_was_changed_is_made_anew(tmp_path: Path, place: int) -> None:
    file = tmp_path / "thing"
    _made(file)
    damaged = bytearray(file.read_bytes())
    damaged[place] ^= 1
    file.write_bytes(damaged)
    assert _made(file) == (THING, True)


def test_what_cannot_be_kept_is_made_each_time(tmp_path: Path) -> None:
    def full(kind: str, path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    with effects.watched(full):
        assert [_made(tmp_path / "thing"), _made(tmp_path / "thing")] == [(THING, True)] * 2
