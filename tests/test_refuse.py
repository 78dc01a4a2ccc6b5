"""A night looks for refuse seldom, and leaves everything as it was."""

from __future__ import annotations

import gc

import pytest

from pipelines.refuse import SELDOM, all_is_loaded, seldom_looked_for


def _settings() -> tuple[bool, tuple[int, int, int], int]:
    return gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()


def test_it_is_not_looked_for_until_all_is_loaded_and_then_seldom() -> None:
    before = _settings()
    with seldom_looked_for():
        assert not gc.isenabled()
        all_is_loaded()
        assert gc.isenabled() and gc.get_threshold() == SELDOM and gc.get_freeze_count() > 0
    assert _settings() == before


def test_what_ends_before_all_is_loaded_leaves_everything_as_it_was() -> None:
    before = _settings()
    with pytest.raises(SystemExit), seldom_looked_for():
        raise SystemExit(2)
    assert _settings() == before


def test_whoever_does_not_ask_for_it_is_left_alone() -> None:
    before = _settings()
    all_is_loaded()
    assert _settings() == before
