"""The rules that open data queries, and what a study file may change about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.study.load import SCHEMAS, Protocol, load_protocol
from pipelines.study.query_rule import QueryChoice, load_query_rules
from pipelines.study.yaml_file import InvalidFileError
from pipelines.warehouse.graph import SQL
from schemas.feeds import FEEDS
from tests.sql.trial import RANDOMISED, Trial, with_study

STUDY = (SCHEMAS / "studies" / "ict_sad.yaml").read_text(encoding="utf-8")


def test_every_rule_is_judged_by_sql_and_sql_judges_no_other() -> None:
    judged = "".join(path.read_text(encoding="utf-8") for path in SQL.glob("quality/judged_*.sql"))
    quoted = set(re.findall(r"'([a-z_]+)'(?= AS rule| ELSE| END AS rule)", judged))
    rules = load_query_rules()
    assert quoted == {name for name in rules if not name.startswith("quarantined_")}
    assert {name for name in rules if name.startswith("quarantined_")} == {f"quarantined_{feed}" for feed in FEEDS}


def test_every_rule_says_what_to_do_and_limits_have_their_reason() -> None:
    for rule in load_query_rules().values():
        assert len(rule.message) > 40 and rule.message.endswith("."), rule.rule
        assert rule.applies.endswith("."), rule.rule
        assert (rule.days is None) == (rule.reason is None), rule.rule
        assert not rule.tells_arm or rule.blinding == "revealing", rule.rule
        assert rule.column is None or rule.column in FEEDS[rule.feed].header, rule.rule
        if FEEDS[rule.feed].blinding == "revealing":
            assert rule.blinding == "revealing", rule.rule


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        ("no_such_rule: {used: false, reason: x}", "there is no rule `no_such_rule`"),
        ("consent_missing: {days: 3, reason: x}", "the rule `consent_missing` has no limit of days"),
        ("consent_missing: {used: false}", "reason"),
    ],
)
def test_a_study_file_is_told_by_line_what_is_wrong(tmp_path: Path, queries: str, said: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(f"{STUDY}queries:\n  {queries}\n", encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(file)
    (problem,) = caught.value.problems
    assert said in str(problem) and problem.line == len(STUDY.splitlines()) + 2


def test_a_study_may_leave_a_rule_out_and_set_a_limit(ict_sad: Protocol) -> None:
    choices = {
        "status_date_missing": QueryChoice(used=False, reason="the site keeps it elsewhere"),
        "serious_event_reported_late": QueryChoice(days=7, severity="warning", reason="the protocol's own limit"),
    }
    trial = Trial(with_study(ict_sad, queries=choices))
    trial.person("001", status="withdrawn")
    for name, days in (("in time", 7), ("late", 8)):
        on = RANDOMISED.replace(day=RANDOMISED.day + days)
        trial.add(
            "adverse_events", "oxford", ae_id=name, subject_id="001", onset_date=RANDOMISED, reported_on=on, serious="Y"
        )
    found = trial.tables("quality.query_rule").rows(
        "SELECT rule, record_key, severity FROM quality.data_query WHERE status <> 'closed'"
    )
    assert found == [("serious_event_reported_late", "late", "warning")]
