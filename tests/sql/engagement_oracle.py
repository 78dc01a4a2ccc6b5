"""The published rules of engagement once more, slowly and in plain Python; see `tests.sql.oracle`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.sql import oracle
from tests.sql.oracle import Row
from tests.sql.trial import Trial

ONE = timedelta(1)
LOST = {"test_account", "before_start", "after_withdrawal", "after_completion"}


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(n) for n in range((last - first).days + 1)]


class Log:
    """One site's log and what its deliveries say of it. Everybody listed there is in `persons`."""

    def __init__(self, trial: Trial, site: str) -> None:
        self.trial, self.site, self.study = trial, site, trial.protocol.study
        self.zone = ZoneInfo(self.study.site_by_id[site].timezone)
        listed = {row["subject_id"]: row for row in oracle.current(trial, "participants") if row["site_id"] == site}
        access = {arm.arm for arm in self.study.arms if arm.programme_access}
        self.persons = {
            subject: {**person, "listed": listed[subject]}
            for (at, subject), person in oracle.people(trial).items()
            if at == site
        }
        self.treated = {s: p for s, p in self.persons.items() if p["arm"] in access and p["reference"] is not None}
        self.events = [
            row
            for row in oracle.current(trial, "usage")
            if row["site_id"] == site and row["subject_id"] in self.persons
        ]
        self.deliveries = [d for d in trial.deliveries if (d["site_id"], d["feed"]) == (site, "usage")]
        places = [d["place"] for d in self.deliveries if d["status"] in ("accepted", "partial")]
        self.whole_until = self._whole(max(places)) if places else None
        self.outages = self._declared() | self._refused() | self._silent()

    def _whole(self, place: datetime) -> date:
        """The last day at the site that had ended by then."""
        after = place.astimezone(self.zone) + timedelta(microseconds=1)
        return after.date() - ONE

    def _told_until(self) -> date:
        """The last day that the deliveries tell to the end, no later than as-of."""
        return min(self.whole_until or date.min, self.trial.as_of)

    def _declared(self) -> set[date]:
        spells = [o for o in self.study.intercurrent_events.outages if o.site == self.site]
        return {day for spell in spells for day in days(spell.first_day, spell.last_day)}

    def _refused(self) -> set[date]:
        found: set[date] = set()
        for refused in self.deliveries:
            good = [d for d in self.deliveries if d["status"] in ("accepted", "partial", "repeat")]
            later = [d for d in good if d["sequence"] > refused["sequence"]]
            made_good = any(d["file_name"] == refused["file_name"] or d["scope"] == "full" for d in later)
            if refused["status"] not in ("rejected", "held") or made_good:
                continue
            before = [d["place"] for d in good if d["status"] != "repeat" and d["place"] < refused["place"]]
            last = refused["place"].astimezone(self.zone).date()
            spell = days(self._whole(max(before)) + ONE if before else last, last)
            if not set(spell[1:]) & {e["occurred_on"] for e in self.events if e["occurred_on"] <= self._told_until()}:
                found |= set(spell)
        return found

    def _silent(self) -> set[date]:
        rule, told = self.study.engagement.silence, [e["occurred_on"] for e in self.events]
        if rule is None or not told or self.whole_until is None:
            return set()
        quiet = [day for day in days(min(told), self._told_until()) if day not in told]
        found: set[date] = set()
        for _, numbered in groupby(enumerate(quiet), key=lambda item: item[1].toordinal() - item[0]):
            run = [day for _, day in numbered]
            history = days(run[0] - timedelta(rule.history_days), run[0] - ONE)
            weights = [self._weight(subject, history, run) for subject in self.treated]
            users = [weight for weight in weights if weight is not None]
            if len(users) >= rule.people and sum(users) >= rule.expected_user_days * rule.history_days:
                found |= set(run)
        return found

    def _weight(self, subject: str, history: list[date], run: list[date]) -> int | None:
        """Days used in the history times days of the run still in treatment; None for whoever does not count."""
        first, last = self._treatment(subject)
        if not first < run[0] <= last:
            return None
        used = self.used(subject) & set(history)
        return len(used) * sum(day <= last for day in run) if used else None

    def _treatment(self, subject: str) -> tuple[date, date]:
        person, weeks = self.treated[subject], self.study.treatment.weeks if self.study.treatment else 0
        end = person["reference"] + timedelta(7 * weeks - 1)
        return person["reference"], min(end, person["ended"] or end)

    def own(self, subject: str) -> list[Row]:
        return [e for e in self.events if (e["subject_id"], e["actor"]) == (subject, "participant")]

    def used(self, subject: str) -> set[date]:
        return {e["occurred_on"] for e in self.own(subject)}

    def states(self, subject: str) -> dict[date, str]:
        person = self.treated[subject]
        start, consent = person["reference"], person["listed"]["consent_date"]
        first = max(start - timedelta(90), min(consent or start, start))
        mine = {e["occurred_on"] for e in self.events if e["subject_id"] == subject}
        own = self.own(subject)
        limit = timedelta(minutes=self.study.engagement.log.minutes_ahead)
        sound = {e["occurred_on"] for e in own if not e.get("stored_at") or e["occurred_at"] - e["stored_at"] <= limit}
        return {day: self._state(day, person, mine, sound) for day in days(first, self.trial.as_of)}

    def _state(self, day: date, person: Row, mine: set[date], sound: set[date]) -> str:
        subject, ended = person["listed"]["subject_id"], person["ended"]
        after = "after_completion" if person["listed"]["status"] == "completed" else "after_withdrawal"
        reasons = (
            ("test_account", any(_fits(subject, account) for account in self.study.engagement.test_accounts)),
            ("before_start", day < person["reference"]),
            (after, ended is not None and day > ended),
            ("used", day in sound),
            ("clock_error", day in self.used(subject)),
            ("log_outage", day in self.outages),
            ("not_delivered", self.whole_until is None or day > self.whole_until),
            ("no_account", not mine or day < min(mine)),
        )
        return next((state for state, holds in reasons if holds), "no_use")


def _fits(subject: str, account: str) -> bool:
    return subject.startswith(account[:-1]) if account.endswith("*") else subject == account


def logs(trial: Trial) -> Iterator[Log]:
    for site in sorted({row["site_id"] for row in trial.rows.get("participants", [])}):
        yield Log(trial, site)


def day_states(trial: Trial) -> list[tuple[str, date, str]]:
    """Every row of engagement.day_state: usubjid, day, state."""
    return sorted(
        (person["usubjid"], day, state)
        for log in logs(trial)
        for subject, person in log.treated.items()
        for day, state in log.states(subject).items()
    )


def session_gaps(trial: Trial) -> list[tuple[str, int, int, Fraction]]:
    """Every row of engagement.session_gap: usubjid, gap in minutes, sessions, active minutes."""
    found = []
    for log in logs(trial):
        for subject, person in log.persons.items():
            own = sorted(log.own(subject), key=lambda e: (e["occurred_at"], e["event_id"]))
            for gap in trial.protocol.study.engagement.gaps if own else ():
                found.append((person["usubjid"], gap, *_at_gap(own, timedelta(minutes=gap))))
    return sorted(found)


def _at_gap(own: list[Row], gap: timedelta) -> tuple[int, Fraction]:
    """Sessions and active minutes when a pause longer than `gap` ends a session."""
    sessions, active = 1, Fraction(0)
    for event, following in [*pairwise(own), (own[-1], None)]:
        pause = following["occurred_at"] - event["occurred_at"] if following else None
        if pause is not None and pause <= gap:
            active += pause // timedelta(microseconds=1)
            continue
        sessions += following is not None
        stated = round(Fraction(event.get("duration_s") or 0) * 1_000_000)
        active += min(stated, gap // timedelta(microseconds=1))
    return sessions, active / 60_000_000


def survival(times: list[tuple[int, int]]) -> list[tuple[int, int, int, int, Fraction]]:
    """Kaplan-Meier of (day, cnsr): day, at risk, events, censored, share without the event."""
    found, share = [], Fraction(1)
    for day in sorted({day for day, _ in times}):
        at_risk = sum(time >= day for time, _ in times)
        events = sum((time, cnsr) == (day, 0) for time, cnsr in times)
        censored = sum((time, cnsr) == (day, 1) for time, cnsr in times)
        share *= Fraction(at_risk - events, at_risk)
        found.append((day, at_risk, events, censored, share))
    return found


def periods(trial: Trial) -> list[dict[str, Any]]:
    """The measures of analysis.adeng by person and period, but for those of modules, contacts and weekly forms."""
    found = []
    weeks = trial.protocol.study.treatment.weeks if trial.protocol.study.treatment else 0
    every_week = oracle.weeks(trial)
    for log in logs(trial):
        for subject, person in log.treated.items():
            start, last = person["reference"], min(trial.as_of, person["ended"] or date.max)
            states = {d: s for d, s in log.states(subject).items() if s not in LOST}
            mine = [
                _unless_out(log, subject, week, states) for week in every_week if week["usubjid"] == person["usubjid"]
            ]
            follow_up = start + timedelta(7 * weeks)
            for period, first, end in (
                ("TREATMENT", start, min(last, follow_up - ONE)),
                ("FOLLOW-UP", follow_up, last),
                ("OVERALL", start, last),
            ):
                of = [week for week in mine if first <= start + timedelta(7 * (week["week_no"] - 1)) <= end]
                if last >= first and states:
                    found.append(
                        {"usubjid": person["usubjid"], "aperiod": period} | _measures(log, of, states, first, end)
                    )
    return found


def _unless_out(log: Log, subject: str, week: Row, states: dict[date, str]) -> Row:
    """The week, or of one that was an outage from first to last, and of which nothing is known, no counts."""
    first = log.treated[subject]["reference"] + timedelta(7 * (week["week_no"] - 1))
    within = days(first, first + timedelta(6))
    out = {states[day] for day in within if day in states} == {"log_outage"}
    if out and not any(e["subject_id"] == subject and e["occurred_on"] in within for e in log.events):
        return {"week_no": week["week_no"], **dict.fromkeys(oracle.WEEKLY_COUNTS)}
    return week


def _measures(log: Log, weeks: list[Row], states: dict[date, str], first: date, last: date) -> dict[str, Any]:
    known = [week for week in weeks if week["n_sessions"] is not None]

    def total(name: str) -> Any:
        return sum(week[name] for week in known) if known else None

    within = [state for day, state in states.items() if first <= day <= last]
    used = any(week["n_sessions"] > 0 for week in known)
    return {
        "DAYS": len(within),
        "DAYCERT": sum(state in ("used", "no_use") for state in within),
        "DAYOUT": within.count("log_outage"),
        "DAYACT": within.count("used") if known else None,
        "UPTAKE": 1 if used else 0 if len(known) == len(weeks) else None,
        "WEEKS": len(known),
        "WEEKACT": sum(week["n_sessions"] > 0 for week in known) if known else None,
        "NSESS": total("n_sessions"),
        "SESSMIN": total("active_minutes"),
        "NLOGIN": total("n_logins"),
        "MSGTO": total("n_messages_to_therapist"),
        "MSGFROM": total("n_messages_from_therapist"),
    }
