"""What every table promises: its columns, their types, its key."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.warehouse.blinding import blinded_contents
from pipelines.warehouse.dictionary import Dictionary, load_dictionary
from pipelines.warehouse.graph import load_graph
from tests.sql.trial import OURS, Tables, Trial, at, phq9

PROMISED = {
    "analysis.adsl": "usubjid, studyid, subjid, siteid, centre, language, age, sex, rficdt, randdt, arm, trt01p, "
    "trtsdt, trtedt, eosstt, eosdt, dcsreas, enrlfl, ittfl, mittfl, pprotfl, saffl",
    "analysis.adqs": "usubjid, paramcd, aseq, studyid, siteid, subjid, avisit, adt, adtm, visit, srcform, param, "
    "parcat1, avisitn, ady, awtarget, awtdiff, aval, base, chg, pchg, ablfl, anl01fl, nitem, nmiss, dtype, relchgfl, "
    "casefl, respfl, remisfl",
    "analysis.adqw": "usubjid, paramcd, aweek, adt, aval, nmiss, dtype, srcform",
    "analysis.adae": "usubjid, aeseq",
    "analysis.adtte": "usubjid, paramcd",
    "analysis.adeng": "usubjid, paramcd, aperiod, param, aval, avalu",
    "engagement.session": "usubjid, session_no, siteid, subject_id, started_at, ended_at, duration_s, n_events, "
    "week_no",
    "engagement.participant_week": "usubjid, week_no, siteid, subject_id, n_sessions, active_minutes, n_logins, "
    "n_modules_opened, n_modules_completed, n_messages_to_therapist, n_messages_from_therapist, n_calls, "
    "therapist_minutes",
    "engagement.module_progress": "usubjid, module, siteid, subject_id, is_core, released_at, first_opened_at, "
    "completed_at, n_opens, active_minutes",
    "quality.delivery": "delivery_id, content_sha256, site_id, feed, stream, file_name, bytes, received_at, status, "
    "reason, n_rows, n_accepted, n_quarantined, n_duplicate, unknown_columns",
    "quality.quarantine": "delivery_id, row_no, rule, column_name, line_no, site_id, feed, message",
    "quality.audit_trail": "seq, feed, site_id, record_key, column_name, change, old_value, new_value, "
    "old_delivery_id, new_delivery_id, recorded_at, prev_hash, hash",
    "quality.data_query": "query_id, rule, severity, site_id, subject_id, record_key, message, opened_on, closed_on, "
    "status, n_reopened, answer, answered_by, age_days",
    "quality.completeness": "site_id, avisit, instrument, n_expected, n_received, n_in_window, n_overdue, "
    "pct_items_missing",
    "meta.snapshot": "snapshot_id, as_of, built_at, code_version, study_digest, inputs_digest, tables_digest",
    "meta.table_dictionary": "table_name, description, key_columns, blinding",
    "meta.column_dictionary": "table_name, column_name, position, type, label, description, unit, codes, blinding, "
    "volatile",
}
ENGAGEMENT = (
    "engagement.repeated_event",
    "engagement.session_gap",
    "engagement.therapist_week",
    "engagement.usage_curve",
    "analysis.addose",
    "analysis.adqwide",
    "analysis.half_life",
)
LAYERS = ("core", "outcome", "engagement", "analysis", "safety")


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return load_dictionary()


def derived(db: Tables) -> list[str]:
    named = "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1"
    made = db.con.execute(named).fetchall()  # through `con`, every table is there
    return [name for (name,) in made if name.split(".")[0] not in ("study", "input")]


def columns(db: Tables, table: str) -> dict[str, str]:
    return {
        name: kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for name, kind, *_ in db.rows(f"DESCRIBE {table}")
    }


@pytest.mark.parametrize("table", PROMISED)
def test_the_promised_columns_come_in_the_promised_order(dictionary: Dictionary, table: str) -> None:
    promised = PROMISED[table].split(", ")
    assert list(dictionary[table].columns)[: len(promised)] == promised
    assert dictionary[table].published


def test_every_table_has_the_dictionarys_columns_and_types_even_when_empty(
    trial: Trial, dictionary: Dictionary
) -> None:
    others = ("quality.query_rule", "quality.expected_total", "safety.alert", "safety.serious_event", *ENGAGEMENT)
    db = trial.tables(*OURS, *others)
    made = derived(db)
    assert {name for name in load_graph().queries if name.split(".")[0] in LAYERS} <= set(made)
    for table in made:
        assert list(columns(db, table).items()) == list(dictionary[table].types.items()), table


def test_the_keys_are_unique_and_the_rows_are_not_lost(trial: Trial, dictionary: Dictionary) -> None:
    for subject, arm in (("001", "ICT"), ("002", "TAU"), ("003", None)):
        trial.person(subject, arm)
        for day in (date(2026, 3, 1), date(2026, 4, 27), date(2026, 4, 27)):
            label = f"{len(trial.rows.get('questionnaires', []))}"
            trial.form(subject, "phq9", day, phq9(9), visit=label)
        trial.event(subject, at("2026-03-03T10:00"), "module_opened", module="core_01")
        trial.contact(subject, at("2026-03-03T10:00"), minutes=5.0)
    db = trial.tables()
    for table in derived(db):
        key = ", ".join(dictionary[table].key)
        assert db.rows(f"SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1") == [], table
    assert db.row("SELECT count(*) FROM analysis.adqs") == (9,)


def test_where_every_column_comes_from_can_be_read() -> None:
    graph = load_graph()
    origin = graph.column_lineage("analysis.adqs")
    assert ("outcome.record", "score") in origin["aval"]
    assert ("input.usage", "occurred_at") in graph.column_lineage("core.usage")["occurred_at"]


def test_what_only_one_arm_has_is_filtered_from_the_blinded_file(trial: Trial, dictionary: Dictionary) -> None:
    # Follow-up, weekly forms and everything after the last shared visit exist only in the arm with the programme.
    trial.person("001")
    for label, day in (("BASELINE", 0), ("WEEKLY", 30), ("WEEK 8", 56), ("FOLLOW-UP", 140), ("FOLLOW-UP", 189)):
        trial.form("001", "phq9", date.fromordinal(date(2026, 3, 2).toordinal() + day), phq9(9), visit=label)
    trial.person("002", None, status="screen_failed")
    trial.form("002", "phq9", date(2026, 3, 2), phq9(9))
    trial.delivery("oxford", "usage", blinding="revealing")
    db = trial.tables(*OURS, "quality.shown_delivery", "quality.data_query")
    kept = {
        name: db.rows(f"FROM {name} WHERE {t.keep_when}")
        for name, t in dictionary.items()
        if t.keep_when and name in OURS
    }
    visits = db.rows(f"SELECT avisit FROM analysis.adqs WHERE {dictionary['analysis.adqs'].keep_when} ORDER BY 1")
    assert visits == [("BASELINE",), ("SCREENING",), ("WEEK 8",)]
    assert {row[1] for row in kept["quality.completeness"]} == {"BASELINE", "WEEK 8", "WEEK 15"}
    # The delivery of the forms holds weekly ones.
    assert {row[3] for row in kept["quality.delivery"]} == {"participants", "allocation"}


def test_what_follows_from_a_form_of_the_programme_is_not_in_the_blinded_file(
    trial: Trial, dictionary: Dictionary
) -> None:
    """A weekly form as a baseline, or in place of the primary visit's form, would tell who has the programme."""
    for subject, label in (("001", "WEEKLY"), ("002", "BASELINE")):
        trial.person(subject)
        trial.form(subject, "phq9", date(2026, 3, 2), phq9(18), visit=label)
        trial.form(subject, "phq9", date(2026, 4, 27), phq9(9), visit="WEEK 8")
    db = trial.tables()
    whole = db.rows("SELECT subjid, base, chg FROM analysis.adqs WHERE avisit = 'WEEK 8' ORDER BY subjid")
    assert whole == [("001", 18.0, -9.0), ("002", 18.0, -9.0)]
    (part,) = (p for p in blinded_contents(dictionary, "statistician", "key") if p.name == "analysis.adqs")
    shown = db.rows(f"SELECT subjid, avisit, aval, base, chg FROM ({part.select}) ORDER BY subjid, avisit")
    assert shown == [
        ("001", "WEEK 8", 9.0, None, None),
        ("002", "BASELINE", 18.0, 18.0, None),
        ("002", "WEEK 8", 9.0, 18.0, -9.0),
    ]
