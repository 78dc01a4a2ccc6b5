"""The units behind the checks: they add up to what every check says, and each tells when and of whom it is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from pipelines.quality.numbers import TONIGHT
from pipelines.study.check import load_checks
from pipelines.study.load import SCHEMAS, Protocol, load_protocol
from tests.quality.checked import of_units, told_by_sql
from tests.quality.good_trial import RECEIVED, good_trial, study_day, whole_form
from tests.quality.test_metric import FAULTS, Spoil
from tests.sql.exports import CHANGES, export
from tests.sql.trial import OURS, Trial, phq9

MADE = (*OURS, "quality.metric", "quality.check_count", *vars(TONIGHT).values())
SAFE = {check.name for check in load_checks() if check.blinding == "safe"}


def built(trial: Trial) -> duckdb.DuckDBPyConnection:
    return trial.tables(*MADE).to_read


def rules_broken(trial: Trial) -> None:
    """One person or form for each rule about single records that has a card."""
    ahead = trial.as_of + timedelta(40)
    trial.person("201", arm=None, status="enrolled", consent_date=None)
    trial.person("202", arm=None, consent_date=ahead, status="screened")
    trial.person("205", status="screened")
    trial.add("allocation", "oxford", subject_id="207", arm=None, randomised_on=None)
    trial.person("209", arm=None)
    trial.add("allocation", "oxford", subject_id="209", arm="ICT", randomised_on=None)
    trial.add("allocation", "oxford", subject_id="208", arm="ICT", randomised_on=ahead)
    trial.form("001", "phq9", study_day(-60), phq9(3), visit="BASELINE")
    trial.form("001", "phq9", study_day(3), phq9(3), visit="week eight or so")
    trial.form("001", "phq9", study_day(58), phq9(3) | {"PHQ9": 4}, visit="WEEK 8")


def exports_changed(trial: Trial) -> None:
    for feed, blinding in (("questionnaires", "safe"), ("usage", "revealing")):
        for stream, exports in CHANGES.items():
            for columns in exports:
                export(trial, *columns, feed=feed, stream=stream, received_at=RECEIVED, blinding=blinding)


def files_set_aside(trial: Trial) -> None:
    """Rows refused by two rules in a full export and in a file that only adds, and in one of the log."""
    given = {"n_rows": 9, "n_accepted": 7, "n_quarantined": 2, "status": "partial"}
    full = trial.delivery("oxford", "questionnaires", stream="redcap_questionnaires", **given)
    more = trial.delivery("oxford", "participants", scope="incremental", **given)
    log = trial.delivery("oxford", "usage", blinding="revealing", **given)
    for delivery in (full, full, more, log):
        trial.refuse("questionnaires", "oxford", delivery, None)
    trial.rows["quarantine"][1] |= {"rule": "out_of_range"}


@pytest.mark.parametrize(
    "spoil",
    [spoil for name, spoil, _ in FAULTS if name in SAFE] + [rules_broken, exports_changed, files_set_aside],
)
def test_units_add_up_to_what_each_check_says(ict_sad: Protocol, spoil: Spoil) -> None:
    trial = good_trial(ict_sad)
    spoil(trial)
    con = built(trial)
    assert of_units(con, trial.as_of) == told_by_sql(con)


@pytest.mark.parametrize("study", ["ict_ptsd", "single_case"])
def test_units_add_up_in_other_trials(study: str) -> None:
    """Of three arms, and of one person whom nobody allocates."""
    protocol = load_protocol(SCHEMAS / "studies" / f"{study}.yaml")
    trial = Trial(protocol, as_of=study_day(300))
    site, instrument = protocol.study.sites[0].site, next(iter(protocol.instruments))
    arms = [arm.arm for arm in protocol.study.arms] if protocol.study.has_allocation else [None]
    for n, arm in enumerate(arms):
        trial.person(f"00{n}", arm, site_id=site, status="enrolled" if arm is None else "randomised")
        for visit in protocol.study.visits:
            trial.form(f"00{n}", instrument, study_day(visit.target_day), {"1": 1}, visit=visit.avisit, site_id=site)
    trial.person("100", None, site_id=site, status="completed", consent_date=None)
    trial.form("200", instrument, study_day(1), {"1": 1}, visit="no visit", site_id=site)
    con = built(trial)
    found = of_units(con, trial.as_of)
    assert found == told_by_sql(con)
    assert found["unknown_subjects_questionnaires", site][1] == 1


def test_every_rule_of_a_card_is_broken_somewhere_above(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    rules_broken(trial)
    files_set_aside(trial)
    failing = {name for (name, _), (_, x) in of_units(built(trial), trial.as_of).items() if x}
    assert failing >= {
        "consent_missing", "consent_in_future", "allocation_against_status", "arm_missing",
        "randomisation_date_missing", "randomisation_in_future", "form_before_consent", "unknown_visit_label",
        "two_forms_for_visit", "total_disagrees", "refused_unknown_code", "refused_out_of_range",
    }  # fmt: skip


def test_a_trial_without_data_has_no_units(ict_sad: Protocol) -> None:
    con = built(Trial(ict_sad))
    assert of_units(con, date(2026, 12, 31)) == told_by_sql(con) == {
        ("overdue_deliveries", site.site): (2, 2) for site in ict_sad.study.sites
    }  # fmt: skip


def test_nothing_of_what_tells_arms_is_a_unit(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    exports_changed(trial)
    files_set_aside(trial)
    con = built(trial)
    told = " ".join(str(row) for row in con.execute("SELECT checks, unit FROM quality.checked_unit").fetchall())
    for revealing in ("usage", "contacts", "adverse_events", *(c.name for c in load_checks() if c.name not in SAFE)):
        assert f"{revealing}|" not in told and f"{revealing}'" not in told and f"{revealing}," not in told


def found(con: duckdb.DuckDBPyConnection, check: str, columns: str) -> list[Any]:
    mine = "site_id = 'oxford' AND list_contains(string_split(checks, ','), ?)"
    return con.execute(f"SELECT {columns} FROM quality.checked_unit WHERE {mine} ORDER BY ALL", [check]).fetchall()


def test_a_form_is_of_its_day_and_came_when_it_first_did(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad, as_of=study_day(90))
    trial.person("001", randomised_on=study_day(1))
    came = trial.delivery("oxford", "questionnaires", scope="incremental", received_at=RECEIVED)
    whole_form(trial, "001", "phq9", study_day(57), "WEEK 8")
    again = trial.delivery("oxford", "questionnaires", scope="incremental", received_at=RECEIVED + timedelta(9))
    trial.form("001", "phq9", study_day(57), {"1": 2}, visit="WEEK 8")
    assert came != again
    con = built(trial)
    for check in ("unknown_visit_label", "form_before_consent", "two_forms_for_visit", "visit_label_disagrees"):
        ((first_on, came_at, changed_at),) = found(con, check, "first_on, came_at, changed_at")
        assert (first_on, came_at) == (study_day(57), RECEIVED)
        assert changed_at == RECEIVED + timedelta(9)


def test_a_form_of_somebody_whom_no_file_lists_names_nobody_and_waits_for_the_list(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad, as_of=study_day(90))
    trial.delivery("oxford", "questionnaires", received_at=RECEIVED)
    whole_form(trial, "001", "phq9", study_day(1), "BASELINE")
    columns = "usubjid, failing <> '', came_at"
    assert found(built(trial), "unknown_subjects_questionnaires", columns) == [(None, True, RECEIVED)]
    listed = RECEIVED + timedelta(3)
    trial.delivery("oxford", "participants", received_at=listed)
    usubjid = trial.person("001", arm=None, status="screened")
    assert found(built(trial), "unknown_subjects_questionnaires", columns) == [(usubjid, False, listed)]


def test_an_answered_query_is_no_failure_and_says_so(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    trial.form("001", "phq9", study_day(3), phq9(3), visit="week eight or so")
    con = built(trial)
    asked = "SELECT query_id, version, n_reopened + 1 FROM quality.data_query WHERE rule = 'unknown_visit_label'"
    ((query, version, episode),) = con.execute(asked).fetchall()
    trial.rows["answer"] = [
        {"answer_id": "a", "query_id": query, "status": "confirmed", "version": version, "episode": episode,
         "given_by": "site", "given_at": RECEIVED}
    ]  # fmt: skip
    assert [row for row in found(con, "unknown_visit_label", "failing, answered") if any(row)] == [
        ("unknown_visit_label", "")
    ]
    con = built(trial)
    assert [row for row in found(con, "unknown_visit_label", "failing, answered") if any(row)] == [
        ("", "unknown_visit_label")
    ]
    assert of_units(con, trial.as_of) == told_by_sql(con)


def test_a_full_export_stays_the_same_unit_and_a_source_turns_on_the_day_after_it_was_due(ict_sad: Protocol) -> None:
    trial = good_trial(ict_sad)
    first = [row for row in found(built(trial), "quarantined_participants", "unit, n")]
    trial.delivery("oxford", "participants", n_rows=12, n_quarantined=0)
    second = found(built(trial), "quarantined_participants", "unit, n")
    assert [unit for unit, _ in first] == [unit for unit, _ in second] and second[-1][1] == 12
    due = built(trial).execute(
        "SELECT u.turns_on - a.due_on FROM quality.checked_unit AS u JOIN quality.arrival AS a "
        "ON u.site_id = a.site_id AND u.unit = a.feed || '|' || a.stream WHERE u.checks = 'overdue_deliveries' "
        "AND NOT a.overdue"
    ).fetchall()  # fmt: skip
    assert due and set(due) == {(1,)}
