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


def night(protocol: Protocol, day: int, recruited: int = 25) -> dict[str, tuple[int | None, int | None, int, date]]:
    """What is shown on a day of a trial that randomises somebody every day, the first twelve of whom log in daily."""
    trial = Trial(protocol, as_of=START + timedelta(day))
    for n in range(min(day + 1, recruited)):
        trial.person(f"{n:03}", "ICT" if n < 12 else "TAU", START + timedelta(n))
        for later in range(n, day + 1) if n < 12 else ():
            trial.event(f"{n:03}", at(f"{START + timedelta(later)}T10:00"), "login")
    return shown(trial)


def test_it_moves_only_on_the_day_of_every_fifth_participant(ict_sad: Protocol) -> None:
    """However the log grows from night to night."""
    shown_on = {day: night(ict_sad, day) for day in (14, 15, 18, 19, 20)}
    assert shown_on[14] and shown_on[14] == shown_on[15] == shown_on[18] != shown_on[19] == shown_on[20]


def test_after_recruitment_closed_it_moves_only_every_28_days(ict_sad: Protocol) -> None:
    closed = with_study(ict_sad, recruitment_closed_on=START + timedelta(24))
    shown_on = {after: night(closed, 24 + after) for after in (26, 27, 28, 29)}
    assert shown_on[26] and shown_on[26] == shown_on[27] != shown_on[28] == shown_on[29]


def test_arms_permuted_change_nothing(ict_sad: Protocol) -> None:
    trials = []
    for arms in (("ICT", "TAU"), ("TAU", "ICT")):
        trial = Trial(ict_sad, as_of=date(2026, 10, 20))
        for n in range(24):
            trial.person(f"{n:03}", arms[n % 2], START + timedelta(n))
            trial.event(f"{n:03}", at("2026-03-08T10:00"), "login")
        trials.append(shown(trial))
    assert trials[0] and trials[0] == trials[1]
