"""The glyphs that travel with a report, and those that are kept from night to night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.report.board import fonts


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(fonts, "KEPT", tmp_path / "glyphs")
    fonts._subset.cache_clear()
    yield tmp_path / "glyphs"
    fonts._subset.cache_clear()


def faces(text: str) -> str:
    """As a process that has made none yet."""
    fonts._subset.cache_clear()
    return fonts.font_faces(text)


def test_the_same_letters_in_any_order_have_the_same_glyphs(kept: Path) -> None:
    assert faces("Oxford 宮崎") == faces("宮崎 drofxO") != faces("Oxford")


def test_what_is_kept_is_what_would_be_made(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = faces("Oxford")
    assert len([*kept.iterdir()]) == len(fonts.WEIGHTS)
    with monkeypatch.context() as patch:
        patch.setattr(fonts, "_packed", lambda *_: pytest.fail("it was kept"))
        assert faces("Oxford") == made
    for path in kept.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert faces("Oxford") == made, "what is damaged is made again"


def test_another_version_of_what_makes_them_makes_its_own(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces("Oxford")
    monkeypatch.setattr(fonts, "version", lambda name: f"another {name}")
    faces("Oxford")
    assert len([*kept.iterdir()]) == 2 * len(fonts.WEIGHTS)


def test_only_the_last_are_kept_and_none_where_nothing_can_be_written(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "MOST_KEPT", 3)
    made = [faces(letter) for letter in "abc"]
    assert len([*kept.iterdir()]) == 3
    monkeypatch.setattr(fonts, "KEPT", Path("/dev/null/glyphs"))
    assert [faces(letter) for letter in "abc"] == made
