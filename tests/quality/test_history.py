"""The history of weeks, and what of it the board is shown."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.quality.history import Shown, Value, Week, folder_of, load_weeks, save_week, shown_status, sunday_of
from pipelines.quality.judge import Status
from pipelines.workspace import Workspace

SUNDAY = date(2026, 11, 1)
NAMES: dict[str, Status] = {
    "o": "OK", "w": "WATCH", "a": "ACTION", "n": "NO_DATA", "f": "TOO_FEW", "b": "BROKEN", "x": "NOT_APPLICABLE"
}  # fmt: skip


def shown(weeks: str, tonight: str) -> Shown:
    """`weeks` by letter, a dot where there was no night."""
    history = [(SUNDAY + timedelta(7 * i), NAMES[letter]) for i, letter in enumerate(weeks) if letter != "."]
    return shown_status(history, NAMES[tonight])


@pytest.mark.parametrize(
    ("weeks", "tonight", "status"),
    [
        ("", "o", "OK"), ("", "w", "OK"), ("w", "w", "OK"), ("ww", "w", "WATCH"), ("wow", "w", "OK"),
        ("wwo", "o", "WATCH"), ("wwoo", "o", "OK"), ("wwow", "w", "WATCH"),
        ("a", "a", "ACTION"), ("", "a", "ACTION"), ("oa", "o", "ACTION"), ("ao", "o", "ACTION"), ("aoo", "o", "OK"),
        ("aw", "w", "WATCH"), ("w.w", "w", "OK"), ("wnw", "w", "WATCH"), ("wwn", "n", "WATCH"), ("n", "n", "NO_DATA"),
        ("oo", "f", "TOO_FEW"), ("oo", "b", "BROKEN"), ("oo", "x", "NOT_APPLICABLE"),
    ],
)  # fmt: skip
def test_what_the_board_is_shown(weeks: str, tonight: str, status: str) -> None:
    assert shown(weeks, tonight).status == status


def test_since_when_and_how_long_it_waits() -> None:
    assert shown("oww", "w").since == SUNDAY + timedelta(14)
    assert shown("ow", "w").pending == 1
    assert shown("oww", "w").pending == 0


def test_a_week_is_named_by_its_sunday() -> None:
    assert {sunday_of(SUNDAY + timedelta(day)) for day in range(7)} == {SUNDAY}
    assert sunday_of(SUNDAY - timedelta(1)) == SUNDAY - timedelta(7)


def week(status: Status) -> Week:
    value = Value("kri", "K04", "oxford", 6, 20, 0.1, 10, "one in ten", status)
    return Week(SUNDAY, SUNDAY, "2026-11-01T02:00:00+00:00", "s1", "1", "d", "c", "i", {"scipy": "1"}, [value])


def test_what_is_kept_is_never_written_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert load_weeks(workspace) == []
    save_week(workspace, week("WATCH"))
    save_week(workspace, week("OK"))
    assert load_weeks(workspace) == [week("WATCH")]
    assert {path.stat().st_mode & 0o777 for path in folder_of(workspace).iterdir()} == {0o600}
