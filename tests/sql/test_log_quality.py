"""The quality of the log, shown to the blinded only where it tells nobody's arm."""

from __future__ import annotations

from datetime import date, timedelta

from pipelines.study.load import Protocol
from tests.sql.trial import Trial, at, with_study

START = date(2026, 3, 2)


def trial_with(protocol: Protocol, users: int, people: int, as_of: date = date(2026, 10, 20)) -> Trial:
    """People randomised a day after each other, of whom the first ones log in on the first of April."""
    trial = Trial(protocol, as_of=as_of)
    for n in range(people):
        trial.person(f"{n:03}", "ICT" if n < users else "TAU", START + timedelta(n))
        if n < users:
            trial.event(f"{n:03}", at("2026-03-08T10:00"), "login")
    return trial


def shown(trial: Trial) -> dict[str, tuple[int | None, int | None, int, date]]:
    rows = trial.tables("quality.log_quality").rows("SELECT measure, n, n_of, n_users, upto FROM quality.log_quality")
    return {measure: tuple(facts) for measure, *facts in rows}


def test_nothing_is_shown_of_fewer_than_ten_users(ict_sad: Protocol) -> None:
    assert shown(trial_with(ict_sad, users=9, people=20)) == {}


def test_what_is_shown_ends_with_every_fifth_participant(ict_sad: Protocol) -> None:
    found = shown(trial_with(ict_sad, users=10, people=24))
    assert {upto for *_, upto in found.values()} == {START + timedelta(19)}
    assert found["users_randomised"][:3] == (10, 10, 10)
    assert found["unusual_days"][:2] == (1, 28)
    one_more = shown(trial_with(ict_sad, users=11, people=24))
    assert one_more["users_randomised"][:3] == (11, 11, 11)


def test_a_new_account_on_the_night_of_a_randomisation_does_not_show(ict_sad: Protocol) -> None:
    before, after = trial_with(ict_sad, users=10, people=20), trial_with(ict_sad, users=10, people=21)
    after.event("020", at("2026-03-22T12:00"), "login")
    assert shown(before) == shown(after)


def test_after_recruitment_it_ends_with_a_whole_block_of_days(ict_sad: Protocol) -> None:
    closed = with_study(ict_sad, recruitment_closed_on=date(2026, 4, 1))
    found = shown(trial_with(closed, users=10, people=20, as_of=date(2026, 5, 30)))
    assert {upto for *_, upto in found.values()} == {date(2026, 5, 27)}
