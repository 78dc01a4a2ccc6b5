"""How people use the programme, and what their therapists do: usage log and contacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.simulate.calendar import Calendar, to_local, to_utc
from pipelines.study.study import Study

# Nobody has published the programme's usage figures: these numbers are chosen so that sessions fall week
# by week, lie in the evening, and make about 1,100 events a person with access in a trial of a year.
SESSIONS_A_WEEK = 5.0  # in the first week; a gamma distribution over people
WEEKLY_DECAY = 0.06
SESSIONS_AFTER_TREATMENT = 0.35  # a week
USUAL_EVENTS = 1100.0
EVENTS_A_SESSION = 23.0  # at USUAL_EVENTS
GAP_SECONDS = (40.0, 1.0, 1200.0)  # median and sigma of a log-normal, and its cap
AT_THE_LIMIT = 0.01  # sessions followed by an event exactly one session gap later
VERBS = {
    "page_view": 0.60,
    "exercise_saved": 0.16,
    "video_played": 0.10,
    "message_read": 0.07,
    "message_sent": 0.025,
    "video_call_joined": 0.005,
    "reminder_sent": 0.04,  # its actor is the system
}
WITH_DURATION = {"page_view": 0.3, "video_played": 1.0}

# About 25 minutes of the therapist's time a week: 6.45 h over 14 weeks is 27.6 (Clark et al. 2022).
CALL_SHARE, CALL_MINUTES = 0.9, (16.0, 5.0)
MESSAGES_A_WEEK, MESSAGE_MINUTES = 1.6, (4.0, 1.5)
READING_MINUTES = 2.0  # of a message from the participant
BOOSTER_CALLS = 3  # Yoshinaga et al. 2024: up to three in the follow-up phase
DEFAULT_WEEKS = 14
OPTIONAL_SHARE, OPENED_SHARE, COMPLETED_SHARE = 0.5, 0.93, 0.88
REOPENINGS = 1.2
WEEKLY_FORM_SHARE = 0.88

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Programme:
    """`usage`: person, utc, actor, event, module, duration_s. `contacts`: person, utc, kind, direction, minutes.
    `weekly`: person, utc, when a participant filled in the programme's weekly forms."""

    usage: pl.DataFrame
    contacts: pl.DataFrame
    weekly: pl.DataFrame


@dataclass(frozen=True)
class _Users:
    """People with access, arrays of equal length; days count from 1970-01-01. `arm`: in which they have it."""

    person: np.ndarray
    zone: list[str]
    arm: np.ndarray
    start: np.ndarray
    end: np.ndarray
    stop: np.ndarray


@dataclass(frozen=True)
class _Sessions:
    """One session each, sorted by user and start (ms since 1970, UTC)."""

    user: np.ndarray
    start: np.ndarray

    def after(self, user: np.ndarray, moment: np.ndarray) -> np.ndarray:
        """Index of each user's first session that starts after `moment`, or -1."""
        if not len(self.user):
            return np.full(len(user), -1)
        found = np.searchsorted(_line(self.user, self.start), _line(user, moment), side="right")
        inside = np.minimum(found, len(self.user) - 1)
        return np.where((found < len(self.user)) & (self.user[inside] == user), inside, -1)


def _line(user: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """One increasing number for (user, moment): all moments lie within 2**44 ms of 1970."""
    return user.astype(np.int64) * (1 << 44) + moment.astype(np.int64)


def use_programme(
    study: Study, people: pl.DataFrame, calendar: Calendar, events: float, rng: np.random.Generator
) -> Programme:
    """Usage, contacts and the moments of weekly forms of everyone with access, up to the calendar's cut.

    `events` is about the mean number of usage events of a person with access, by the day of the cut.
    """
    users = _users(people, calendar)
    weeks = study.treatment.weeks if study.treatment else DEFAULT_WEEKS
    sessions = _sessions(users, weeks, rng)
    contacts = pl.concat([_calls(users, weeks, rng), _therapist_messages(users, weeks, rng)])
    weekly = _weekly_forms(study, users, sessions, weeks, rng)
    log = [
        _session_events(study, users, sessions, events / USUAL_EVENTS, rng),
        _module_events(study, users, sessions, weeks, rng),
        _weekly_form_events(weekly),
        _message_events(contacts),
    ]
    usage = _until_cut(pl.concat(log), people, calendar).sort("person", "utc", "event", "module", nulls_last=True)
    answers = usage.filter((pl.col("event") == "message_sent") & (pl.col("actor") == "participant")).select(
        "person",
        "utc",
        pl.lit("message").alias("kind"),
        pl.lit("from_participant").alias("direction"),
        pl.lit(READING_MINUTES).alias("minutes"),
    )
    contacts = _until_cut(pl.concat([contacts, answers]), people, calendar)
    weekly = _until_cut(weekly, people, calendar)
    return Programme(usage, contacts.sort("person", "utc", "kind"), weekly.sort("person", "utc"))


def _message_events(contacts: pl.DataFrame) -> pl.DataFrame:
    """The therapist's messages stand in the programme's log as well."""
    return contacts.filter(kind="message").select(
        "person",
        "utc",
        pl.lit("therapist").alias("actor"),
        pl.lit("message_sent").alias("event"),
        _none("module"),
        _no_number("duration_s"),
    )


def _none(name: str) -> pl.Expr:
    return pl.lit(None, pl.String).alias(name)


def _no_number(name: str) -> pl.Expr:
    return pl.lit(None, pl.Float64).alias(name)


def _users(people: pl.DataFrame, calendar: Calendar) -> _Users:
    with_access = people.filter(pl.col("access") & pl.col("treated_from").is_not_null())
    end = pl.min_horizontal("withdrew_on", "completed_on", pl.lit(calendar.cut))
    days = with_access.select(
        "person",
        "zone",
        pl.col("treated_in").fill_null(""),
        pl.col("treated_from").to_physical().alias("start"),
        end.to_physical().alias("end"),
        pl.coalesce("stopped_on", end).to_physical().alias("stop"),
    )
    number = {name: days[name].cast(pl.Int64).to_numpy() for name in ("person", "start", "end", "stop")}
    arm = np.array(days["treated_in"].to_list(), dtype=object)
    return _Users(number["person"], days["zone"].to_list(), arm, number["start"], number["end"], number["stop"])


def _until_cut(frame: pl.DataFrame, people: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """Rows dated, at their site, no later than the cut."""
    zones = people["zone"].unique().sort().to_list()
    return (
        frame.join(people.select("person", "zone"), on="person", how="left", maintain_order="left")
        .filter(to_local("utc", zones).dt.date() <= calendar.cut)
        .drop("zone")
    )


def _instants(users: _Users, user: np.ndarray, day: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Site-local days and seconds of the day → ms since 1970, UTC; -1 where the site's clock had no such time."""
    zones = sorted(set(users.zone))
    local = pl.DataFrame(
        {
            "zone": np.array(users.zone, dtype=object)[user].tolist(),
            "local": day * DAY_MS + (second * 1000).astype(np.int64),
        },
        schema={"zone": pl.String, "local": pl.Int64},
    ).with_columns(pl.col("local").cast(pl.Datetime("ms")))
    utc = to_utc("local", zones) if zones else pl.col("local")  # nobody has access: no rows, of the same type
    return local.select(utc.dt.epoch("ms").fill_null(-1)).to_series().to_numpy()


def _sessions(users: _Users, weeks: int, rng: np.random.Generator) -> _Sessions:
    n = len(users.person)
    horizon = int(max((users.end - users.start).max(initial=0) // 7 + 1, 1))
    rate = rng.gamma(4.0, SESSIONS_A_WEEK / 4.0, size=(n, 1))
    week = np.arange(horizon)
    level = np.where(week < weeks, np.exp(-WEEKLY_DECAY * week), SESSIONS_AFTER_TREATMENT / SESSIONS_A_WEEK)
    counts = rng.poisson(rate * level)
    user, in_week = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
    day = users.start[user] + 1 + in_week * 7 + rng.integers(0, 7, len(user))
    second = _evening(len(user), rng)
    kept = (day <= users.end[user]) & (day <= users.stop[user])
    user, day, second = user[kept], day[kept], second[kept]
    start = _instants(users, user, day, second)
    order = np.lexsort((start, user))
    return _Sessions(user[order], start[order])


def _evening(n: int, rng: np.random.Generator) -> np.ndarray:
    """Seconds since midnight: mostly evenings, some lunch breaks; never in the hours in which clocks change."""
    kind = rng.random(n)
    hour = np.where(kind < 0.7, rng.normal(20.5, 1.3, n), rng.normal(12.5, 1.2, n))
    hour = np.where(kind > 0.9, rng.uniform(7, 23, n), hour)
    return np.clip(hour, 6.0, 23.4) * 3600


def _office_hours(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(9 * 60, 17 * 60, n) * 60.0


def _frame(users: _Users, user: np.ndarray, ms: np.ndarray, **columns: object) -> pl.DataFrame:
    return pl.DataFrame({"person": users.person[user], "utc": ms, **columns}).with_columns(
        pl.col("person").cast(pl.Int64), pl.col("utc").cast(pl.Datetime("ms")).cast(pl.Datetime("us", "UTC"))
    )


def _events(
    users: _Users, user: np.ndarray, ms: np.ndarray, actor: object, event: object, module: object, duration: object
) -> pl.DataFrame:
    frame = _frame(users, user, ms, actor=actor, event=event, module=module, duration_s=duration)
    return (
        frame.with_columns(
            pl.col("actor", "event", "module").cast(pl.String).replace("", None),
            pl.col("duration_s").cast(pl.Float64).fill_nan(None),
        )
        if len(user)
        else pl.DataFrame(schema=USAGE)
    )


USAGE = {
    "person": pl.Int64(),
    "utc": pl.Datetime("us", "UTC"),
    "actor": pl.String(),
    "event": pl.String(),
    "module": pl.String(),
    "duration_s": pl.Float64(),
}


def _session_events(
    study: Study, users: _Users, sessions: _Sessions, scale: float, rng: np.random.Generator
) -> pl.DataFrame:
    """Log-in, pages, exercises, films, messages, and often a log-out."""
    n = len(sessions.user)
    size = 2 + rng.poisson(rng.gamma(1.5, EVENTS_A_SESSION * scale / 1.5, n))
    session = np.repeat(np.arange(n), size)
    first = np.repeat(np.cumsum(size) - size, size)
    position = np.arange(len(session)) - first
    median, sigma, cap = GAP_SECONDS
    gap = np.minimum(rng.lognormal(np.log(median), sigma, len(session)), cap) * 1000
    gap[position == 0] = 0
    elapsed = np.cumsum(gap.astype(np.int64))
    elapsed -= elapsed[first] if len(first) else 0
    ms = sessions.start[session] + elapsed
    verb = rng.choice(np.array(list(VERBS)), p=np.array(list(VERBS.values())) / sum(VERBS.values()), size=len(session))
    last = position == size[session] - 1
    verb = np.where(last & (rng.random(len(session)) < 0.5), "logout", verb)
    verb = np.where(position == 0, "login", verb)
    timed = np.isin(verb, list(WITH_DURATION)) & (rng.random(len(session)) < np.where(verb == "video_played", 1.0, 0.3))
    duration = np.where(timed, np.round(rng.gamma(2.0, 30.0, len(session)), 1), np.nan)
    module = _current_module(study, users, sessions, session, rng)
    module = np.where(np.isin(verb, ["page_view", "exercise_saved", "video_played"]), module, "")
    actor = np.where(verb == "reminder_sent", "system", "participant")
    user = sessions.user[session]
    log = _events(users, user, ms, actor, verb, module, duration)
    limit = study.engagement.session_gap_minutes * 60_000
    chosen = np.nonzero(last & (verb != "reminder_sent") & (rng.random(len(session)) < AT_THE_LIMIT))[0]
    late = ms[chosen] + limit + (np.arange(len(chosen)) % 2)  # exactly at the limit, or one millisecond over it
    return pl.concat([log, _events(users, user[chosen], late, "participant", "page_view", "", np.nan)])


def _current_module(
    study: Study, users: _Users, sessions: _Sessions, session: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The core module of the week for most pages; empty for the home page and the like."""
    week = (sessions.start // DAY_MS - users.start[sessions.user]) // 7
    arm, current = users.arm[sessions.user], np.full(len(sessions.user), "", dtype=object)
    for of in sorted(set(users.arm)):
        core = [m.module for m in study.modules_of(of) if m.kind == "core" and m.in_phase == "treatment"]
        if core:
            current = np.where(arm == of, np.array(core)[np.clip(week * 3 // 4, 0, len(core) - 1)], current)
    if not current.any():
        return np.full(len(session), "")
    return np.where(rng.random(len(session)) < 0.8, current[session], "")


def _module_events(
    study: Study, users: _Users, sessions: _Sessions, weeks: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Released by the therapist, opened in a session after that, opened again, and mostly completed."""
    log = [pl.DataFrame(schema=USAGE)]
    for user, module, day in _releases(study, users, weeks, rng):
        released = _instants(users, user, day, _office_hours(len(user), rng))
        log.append(_events(users, user, released, "therapist", "module_released", module, np.nan))
        found = sessions.after(user, released)
        opens = (found >= 0) & (rng.random(len(user)) < OPENED_SHARE)
        log += _openings(users, sessions, found[opens], module, rng)
    return pl.concat(log)


def _releases(
    study: Study, users: _Users, weeks: int, rng: np.random.Generator
) -> list[tuple[np.ndarray, str, np.ndarray]]:
    """For each module, the users it is released to and the day: core modules in step, optional ones to some,
    boosters after the treatment."""
    core = [m.module for m in study.modules if m.kind == "core" and m.in_phase == "treatment"]
    booster = [m.module for m in study.modules if m.in_phase == "booster"]
    everyone = np.arange(len(users.person))
    found = []
    for module in study.modules:
        offset = rng.integers(1, 4, len(everyone))
        chosen = np.isin(users.arm, module.arms or list(users.arm))
        if module.in_phase == "booster":
            offset = offset + 7 * (weeks + 1 + 4 * booster.index(module.module))
        elif module.kind == "core":
            offset = offset + 7 * int(core.index(module.module) * 0.8 * weeks / len(core))
        else:
            offset = offset + 7 * rng.integers(3, max(weeks - 2, 4), len(everyone))
            chosen &= rng.random(len(everyone)) < OPTIONAL_SHARE
        day = users.start + offset
        chosen &= (day <= users.end) & (day <= users.stop)
        found.append((everyone[chosen], module.module, day[chosen]))
    return found


def _openings(
    users: _Users, sessions: _Sessions, first: np.ndarray, module: str, rng: np.random.Generator
) -> list[pl.DataFrame]:
    """Events of one module, given the index of each user's session in which it is first opened."""
    later = rng.poisson(REOPENINGS, len(first))
    times = np.concatenate([first, np.repeat(first, later) + 1 + _within(later)])
    owner = np.concatenate([sessions.user[first], np.repeat(sessions.user[first], later)])
    done = (first + later)[rng.random(len(first)) < COMPLETED_SHARE]
    done_by = sessions.user[first][np.isin(first + later, done)]
    done = (first + later)[np.isin(first + later, done)]
    log = []
    for session, user, verb, seconds in ((times, owner, "module_opened", 6), (done, done_by, "module_completed", 150)):
        real = session < len(sessions.user)
        session, user = session[real], user[real]
        same = sessions.user[session] == user
        session, user = session[same], user[same]
        ms = sessions.start[session] + seconds * 1000 + rng.integers(0, 1000, len(session))
        log.append(_events(users, user, ms, "participant", verb, module, np.nan))
    return log


def _within(counts: np.ndarray) -> np.ndarray:
    """0 … count-1 for each count, in a row."""
    total = np.arange(counts.sum())
    return total - np.repeat(np.cumsum(counts) - counts, counts)


def _weekly_forms(
    study: Study, users: _Users, sessions: _Sessions, weeks: int, rng: np.random.Generator
) -> pl.DataFrame:
    """In the first session of each week of treatment, for most people and weeks."""
    asked = any(schedule.weekly for schedule in study.instruments)
    week = (sessions.start // DAY_MS - users.start[sessions.user]) // 7
    line = sessions.user * 1000 + week
    first = np.concatenate([[True], line[1:] != line[:-1]]) if len(line) else np.zeros(0, dtype=bool)
    filled = first & (week < weeks) & (rng.random(len(line)) < WEEKLY_FORM_SHARE) & asked
    ms = sessions.start[filled] + rng.integers(60, 300, filled.sum()) * 1000
    return _frame(users, sessions.user[filled], ms)


def _weekly_form_events(weekly: pl.DataFrame) -> pl.DataFrame:
    def event(name: str, minutes: int) -> pl.DataFrame:
        return weekly.select(
            "person",
            pl.col("utc") + pl.duration(minutes=minutes),
            pl.lit("participant").alias("actor"),
            pl.lit(name).alias("event"),
            _none("module"),
            _no_number("duration_s"),
        )

    return pl.concat([event("questionnaire_started", 0), event("questionnaire_completed", 9)])


def _contacts(
    users: _Users, user: np.ndarray, day: np.ndarray, kind: str, minutes: tuple[float, float], rng: np.random.Generator
) -> pl.DataFrame:
    """Contacts by the therapist on working hours of the given days, as long as the person uses the programme."""
    kept = (day <= users.end[user]) & (day <= users.stop[user])
    user, day = user[kept], day[kept]
    ms = _instants(users, user, day, _office_hours(len(user), rng))
    spent = np.maximum(np.round(rng.normal(*minutes, len(user)) * 2) / 2, 1.0)
    frame = _frame(users, user, ms, minutes=spent)
    return frame.select(
        "person",
        "utc",
        pl.lit(kind).alias("kind"),
        pl.lit("to_participant").alias("direction"),
        pl.col("minutes").cast(pl.Float64),
    )


def _calls(users: _Users, weeks: int, rng: np.random.Generator) -> pl.DataFrame:
    """One a week in treatment, then up to three booster calls four weeks apart."""
    week = np.concatenate([np.arange(weeks), weeks + 1 + 4 * np.arange(BOOSTER_CALLS)])
    user, index = (array.ravel() for array in np.meshgrid(np.arange(len(users.person)), week, indexing="ij"))
    took_place = rng.random(len(user)) < CALL_SHARE
    user, index = user[took_place], index[took_place]
    day = users.start[user] + index * 7 + rng.integers(1, 6, len(user))
    return _contacts(users, user, day, "call", CALL_MINUTES, rng)


def _therapist_messages(users: _Users, weeks: int, rng: np.random.Generator) -> pl.DataFrame:
    counts = rng.poisson(MESSAGES_A_WEEK, (len(users.person), weeks))
    user, week = (np.repeat(index, counts[counts > 0]) for index in np.nonzero(counts))
    day = users.start[user] + week * 7 + rng.integers(1, 7, len(user))
    return _contacts(users, user, day, "message", MESSAGE_MINUTES, rng)
