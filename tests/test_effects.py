"""Effects on disk: whole or not at all, durable before they are announced."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pipelines import effects


def effects_of(action: object) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    with effects.watched(lambda kind, path: seen.append((kind, path.name))):
        action()  # type: ignore[operator]
    return seen


def test_bytes_are_durable_before_their_name_and_the_name_before_it_is_announced(tmp_path: Path) -> None:
    seen = effects_of(lambda: effects.write(tmp_path / "a", b"x"))
    assert seen == [
        ("open", ".a.writing"),
        ("write", ".a.writing"),
        ("fsync", ".a.writing"),
        ("rename", "a"),
        ("fsync", tmp_path.name),
    ]


def test_a_part_is_durable_under_its_name_with_what_is_written_after_it(tmp_path: Path) -> None:
    seen = effects_of(lambda: effects.write(tmp_path / "a", b"x", part=True))
    assert seen[-2:] == [("fsync", ".a.writing"), ("rename", "a")]


@pytest.mark.parametrize("nth", range(4))
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, nth: int) -> None:
    target = effects.write(tmp_path / "a", b"old")
    left = [nth]

    def fail(_kind: str, _path: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")

    with effects.watched(fail), pytest.raises(OSError, match="No space left"):
        effects.write(target, b"new")
    assert target.read_bytes() == b"old"


def test_files_are_private_unless_said_otherwise(tmp_path: Path) -> None:
    private = effects.write(tmp_path / "a", b"x")
    shared = effects.copy(private, tmp_path / "b", 0o440)
    folder = effects.make_directory(tmp_path / "c" / "d")
    assert [stat.S_IMODE(p.stat().st_mode) for p in (private, shared, folder, folder.parent)] == [
        0o600,
        0o440,
        0o700,
        0o700,
    ]


def test_a_link_is_switched_in_one_step(tmp_path: Path) -> None:
    for name in ("old", "new"):
        effects.write(effects.make_directory(tmp_path / name) / "x", name.encode())
    effects.point(tmp_path / "current", "old")
    effects.point(tmp_path / "current", "new")
    assert (tmp_path / "current" / "x").read_bytes() == b"new"
    assert (tmp_path / "old" / "x").read_bytes() == b"old"


def test_removing_a_link_keeps_what_it_points_at(tmp_path: Path) -> None:
    effects.write(effects.make_directory(tmp_path / "kept") / "x", b"x")
    effects.point(tmp_path / "link", "kept")
    effects.remove(tmp_path / "link")
    effects.remove(tmp_path / "never was")
    assert (tmp_path / "kept" / "x").exists()
