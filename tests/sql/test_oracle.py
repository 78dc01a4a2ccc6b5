"""The SQL against a slow reckoning of the same rules, on trials that hypothesis makes up."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.study.load import SCHEMAS, load_protocol
from tests.sql import oracle
from tests.sql.trial import Tables, Trial

PROTOCOL = load_protocol(SCHEMAS / "studies" / "ict_sad.yaml")
SITES = ("oxford", "miyazaki")
SUBJECTS = ("001", "002")
START = date(2026, 3, 2)

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def exactly(value: Any) -> Any:
    return pytest.approx(float(value), rel=1e-12, abs=1e-12) if isinstance(value, Fraction) else value


def compare(db: Tables, table: str, expected: list[dict[str, Any]], key: str) -> None:
    columns = list(expected[0]) if expected else ["*"]
    found = db.records(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {key}")
    assert found == [{name: exactly(value) for name, value in row.items()} for row in expected]


@st.composite
def persons(draw: st.DrawFn) -> Trial:
    """Two sites with two people each, some of whom exist."""
    trial = Trial(PROTOCOL, as_of=START + timedelta(draw(st.integers(0, 60))))
    for site in SITES:
        for subject in draw(st.sets(st.sampled_from(SUBJECTS), min_size=1)):
            arm = draw(st.sampled_from(["ICT", "ICT", "TAU", None]))
            status = draw(st.sampled_from(["randomised", "withdrawn"]))
            ended = START + timedelta(draw(st.integers(0, 40)))
            start = START + timedelta(draw(st.integers(0, 10)))
            trial.person(subject, arm, start, site_id=site, status=status, status_date=ended)
    return trial


@st.composite
def forms(draw: st.DrawFn) -> Trial:
    trial = draw(persons())
    for _ in range(draw(st.integers(1, 7))):
        site, subject = draw(st.sampled_from(SITES)), draw(st.sampled_from(SUBJECTS))
        name = draw(st.sampled_from(["phq9", "wsas", "lsas_sr"]))
        day = START + timedelta(draw(st.sampled_from([-30, -28, -3, 0, 1, 3, 50, 56, 57, 60, 71, 80, 105, 106, 190])))
        hour = draw(st.sampled_from([None, 0, 9, 16, 23]))
        when = day if hour is None else datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
        instrument = PROTOCOL.instruments[name]
        usual = draw(st.integers(0, 3))
        answers: dict[str, Any] = dict.fromkeys(instrument.ranges, usual)
        others = st.sampled_from([None, 0, 1, 2, 3])
        answers |= draw(st.dictionaries(st.sampled_from(sorted(answers)), others, max_size=12))
        if name == "wsas" and draw(st.booleans()):
            answers["1"] = "NA"
        if draw(st.booleans()):
            trial.delivery(site, "questionnaires", scope=draw(st.sampled_from(["full", "incremental"])))
        visit = draw(st.sampled_from([None, "BASELINE", "WEEK 8", "WEEKLY"]))
        if (site, subject, name, visit, when) not in _sent(trial):
            trial.form(subject, name, when, answers, visit=visit, site_id=site)
    return trial


def _sent(trial: Trial) -> set[tuple[Any, ...]]:
    """Forms of the newest delivery of each site: one delivery does not hold a record twice."""
    newest = {d["site_id"]: d["delivery_id"] for d in trial.deliveries if d["feed"] == "questionnaires"}
    return {
        (r["site_id"], r["subject_id"], r["instrument"], r["visit"], r["completed_at"] or r["completed_on"])
        for r in trial.rows.get("questionnaires", [])
        if r["delivery_id"] == newest[r["site_id"]]
    }


@few
@given(forms())
def test_questionnaires(trial: Trial) -> None:
    columns = (
        "usubjid", "paramcd", "aseq", "ady", "avisit", "awtdiff", "aval", "base", "chg", "pchg", "ablfl", "anl01fl",
        "anl01rsn", "nitem", "nmiss", "dtype", "relchgfl", "casefl", "respfl", "remisfl",
    )  # fmt: skip
    expected = [{name: row[name] for name in columns} for row in oracle.adqs(trial)]
    compare(trial.tables("analysis.adqs"), "analysis.adqs", expected, "usubjid, paramcd, aseq")


@st.composite
def logs(draw: st.DrawFn) -> Trial:
    trial = draw(persons())
    spaces = [0, 1, 60, 1799, 1800, 1801, 7200, 86400, 7 * 86400]
    for site in SITES:
        clock = datetime(2026, 3, 1, 12, tzinfo=UTC)
        for n in range(draw(st.integers(0, 25))):
            if n % 9 == 0:
                place = datetime(2026, 3, 1, 15, 30, tzinfo=UTC) + timedelta(draw(st.integers(0, 30)))
                trial.delivery(site, "usage", received_at=place)
            clock += timedelta(seconds=draw(st.sampled_from(spaces)), microseconds=draw(st.integers(0, 1)))
            trial.event(
                draw(st.sampled_from(SUBJECTS)),
                clock,
                draw(st.sampled_from(["login", "module_opened", "module_completed", "message_sent", "page_view"])),
                site_id=site,
                event_id=f"e{draw(st.integers(0, 3))}{n:03}",
                actor=draw(st.sampled_from(["participant", "participant", "participant", "therapist", "system"])),
                module=draw(st.sampled_from([None, "core_01", "core_02", "other"])),
                duration_s=draw(st.sampled_from([None, 0.0, 0.000001, 59.5, 1800.0, 5000.25])),
            )
    return trial


@few
@given(logs())
def test_use_of_the_programme(trial: Trial) -> None:
    db = trial.tables("engagement.participant_week", "engagement.module_progress")
    compare(db, "engagement.session", oracle.sessions(trial), "usubjid, session_no")
    compare(db, "engagement.participant_week", oracle.weeks(trial), "usubjid, week_no")
    found = db.records(
        "SELECT usubjid, module, n_opens, completed_at, CAST(round(active_minutes * 60000000) AS BIGINT) AS active_us "
        "FROM engagement.module_progress ORDER BY usubjid, module"
    )
    assert found == oracle.modules(trial)


@st.composite
def versions(draw: st.DrawFn) -> Trial:
    """Some deliveries of participants by two streams of one site; some rows refused."""
    trial = Trial(PROTOCOL)
    places = draw(st.permutations(range(1, 7)))
    for sequence in places[: draw(st.integers(1, 6))]:
        delivery = trial.delivery(
            "oxford",
            "participants",
            sequence=sequence,
            stream=draw(st.sampled_from(["house", "other"])),
            scope=draw(st.sampled_from(["full", "incremental"])),
        )
        for subject in ("001", "002", "003"):
            fate = draw(st.sampled_from(["accepted", "refused", "absent"]))
            if fate == "accepted":
                trial.add("participants", "oxford", delivery, subject_id=subject, status="enrolled")
            elif fate == "refused":
                trial.refuse("participants", "oxford", delivery, subject)
    return trial


@few
@given(versions())
def test_the_version_that_counts(trial: Trial) -> None:
    found = trial.tables("core.participants").rows(
        "SELECT subject_id, delivery_id FROM core.participants ORDER BY subject_id"
    )
    expected = sorted((row["subject_id"], row["delivery_id"]) for row in oracle.current(trial, "participants"))
    assert found == expected


@settings(few, max_examples=10)
@given(forms(), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_threads_matter(trial: Trial, chance: random.Random) -> None:
    sql = "FROM analysis.adqs ORDER BY usubjid, paramcd, aseq"
    before = trial.tables("analysis.adqs", threads=1).rows(sql)
    for rows in (trial.deliveries, *trial.rows.values()):
        chance.shuffle(rows)
    assert trial.tables("analysis.adqs", threads=4).rows(sql) == before
