"""Two nights a week apart: what the second one's report is told of the first, and by which thresholds it judges."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.night import Night
from pipelines.quality import pack
from pipelines.quality.audit_ledger import record_nights
from pipelines.quality.check_table import write_check_results, write_table
from pipelines.quality.history import folder_of, load_weeks, units_file
from pipelines.quality.pack import NOTHING, load_pack, record_pack
from pipelines.quality.report_tables import REPORT_TABLES
from pipelines.report.board.page import open_page
from pipelines.report.board.sections.measures import Measures
from pipelines.report.board.sections.moved_names import moved_name
from pipelines.report.board.source import open_source
from pipelines.report.board.trial import trial_of
from pipelines.report.board_data import JUDGED, board_data, judge_anew
from pipelines.report.site_lists import write_site_lists
from pipelines.study.load import Protocol
from pipelines.study.study import Limit
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.database import build_file, open_build
from pipelines.warehouse.graph import load_graph
from pipelines.warehouse.publish import publish
from pipelines.warehouse.published import UNBLINDED
from pipelines.warehouse.snapshot import write_snapshot
from pipelines.workspace import Workspace
from tests.faults.night import new_trial, second_drop, take_in
from tests.sql.trial import with_study

FIRST, SECOND = date(2026, 3, 24), date(2026, 3, 31)
MADE = (
    "quality.kri",
    "quality.check_card",
    "quality.check_grid",
    "quality.recruitment_forecast",
    "quality.central_check",
)
# What a number that moved is now, by its name, as the snapshot's own tables have it: denominator, numerator.
TABLES_SAY = """
    SELECT 'visit|' || avisit || '|' || substr(state, 3) AS number, site_id, n AS denominator, n AS numerator
    FROM (UNPIVOT quality.visit_return ON n_not_yet, n_open, n_received, n_overdue, n_excused INTO NAME state VALUE n)
    UNION ALL SELECT 'return|' || avisit, site_id, n_received + n_overdue, n_received FROM quality.visit_return
    UNION ALL SELECT concat_ws('|', 'nights', feed, state), site_id, count(*), count(*) FROM quality.arrival_night
    GROUP BY ALL
    UNION ALL SELECT 'came|' || feed, site_id, n_expected, n_arrived FROM quality.currency
    UNION ALL SELECT 'age|' || feed, site_id, currency_days, currency_days FROM quality.currency
    UNION ALL SELECT 'lag_median', site_id, lag_median, lag_median FROM quality.currency WHERE lag_median IS NOT NULL
    UNION ALL SELECT 'lag_p90', site_id, lag_p90, lag_p90 FROM quality.currency WHERE lag_p90 IS NOT NULL
    UNION ALL SELECT 'queries|' || name, site_id, n, n FROM (
        UNPIVOT (
            SELECT site_id, n_open_0_7 AS "0_7", n_open_8_14 AS "8_14", n_open_15_30 AS "15_30",
                n_open_31_60 AS "31_60", n_open_61 AS over_60, n_closed AS closed
            FROM quality.query_summary
        ) ON * EXCLUDE (site_id) INTO NAME name VALUE n
    )
    UNION ALL SELECT 'check|' || check_name, site_id, n_evaluated, n_failing FROM quality.check_card
    UNION ALL SELECT 'chance|' || kri, site_id, round(1000 * p_upper), round(1000 * p_upper) FROM quality.kri
    WHERE p_upper IS NOT NULL
    UNION ALL SELECT 'others|' || kri, site_id, round(1000 * p_vs_others), round(1000 * p_vs_others) FROM quality.kri
    WHERE p_vs_others IS NOT NULL
    UNION ALL SELECT 'interval_low|' || kri, site_id, round(1000 * wilson_low), round(1000 * wilson_low)
    FROM quality.kri WHERE wilson_low IS NOT NULL
    UNION ALL SELECT 'interval_high|' || kri, site_id, round(1000 * wilson_high), round(1000 * wilson_high)
    FROM quality.kri WHERE wilson_high IS NOT NULL
    UNION ALL SELECT 'luck|' || name, '', round(100 * sum(chance)), round(100 * sum(chance)) FROM (
        UNPIVOT (SELECT chance_watch AS WATCH, chance_action AS ACTION FROM quality.kri)
        ON WATCH, ACTION INTO NAME name VALUE chance
    ) GROUP BY name
    UNION ALL SELECT name || '|' || kri, site_id, limited, limited
    FROM (UNPIVOT (SELECT kri, site_id, watch_from, action_from FROM quality.kri)
        ON watch_from, action_from INTO NAME name VALUE limited)
    UNION ALL SELECT concat_ws('|', name, kri, status), '', chance, chance FROM (
        UNPIVOT (
            SELECT kri, status, round(1000 * min(power)) AS notice_least, round(1000 * max(power)) AS notice_most FROM (
                UNPIVOT (SELECT kri, site_id, power_watch AS WATCH, power_action AS ACTION FROM quality.kri)
                ON WATCH, ACTION INTO NAME status VALUE power
            ) WHERE site_id <> '' GROUP BY kri, status
        ) ON notice_least, notice_most INTO NAME name VALUE chance
    )
    UNION ALL SELECT concat_ws('|', 'comparisons', check_id, status), '', count(*), count(*)
    FROM quality.central_check GROUP BY ALL
    UNION ALL SELECT 'close_median', site_id, median_days, median_days FROM quality.query_summary
    UNION ALL SELECT 'received_median', site_id, min(lag_days), min(lag_days) FROM quality.lag
    WHERE received_share >= 0.5 GROUP BY site_id
    UNION ALL SELECT 'share_by|28', site_id, max(round(100 * received_share)), max(round(100 * received_share))
    FROM quality.lag WHERE lag_days <= 28 GROUP BY site_id
    UNION ALL SELECT concat_ws('|', 'items', avisit, instrument), site_id, n_items, n_items_missing
    FROM quality.completeness
    UNION ALL SELECT concat_ws('|', 'unscored', avisit, instrument), site_id, n_received, n_unscoreable
    FROM quality.completeness
    UNION ALL SELECT 'eligible', site_id, n_eligible, n_consented FROM quality.recruitment
    UNION ALL SELECT 'months_open', site_id, round(100 * months_open), round(100 * months_open) FROM quality.recruitment
    UNION ALL SELECT 'rate_open', site_id, round(100 * per_month_open), round(100 * per_month_open)
    FROM quality.recruitment
    UNION ALL SELECT 'rate_randomising', site_id, round(100 * per_month_randomising), round(100 * per_month_randomising)
    FROM quality.recruitment
    UNION ALL SELECT 'plan', site_id, round(target_to_date), n_randomised FROM quality.recruitment
    UNION ALL SELECT concat_ws('|', 'forecast', basis, name), '', more, more
    FROM (UNPIVOT quality.recruitment_forecast ON q025, q10, q50, q90, q975 INTO NAME name VALUE more)
    WHERE months = 12
"""


def run_night(workspace: Workspace, protocol: Protocol, as_of: date) -> str:
    """A night without the judging of checks, which takes as long as all the rest."""
    now = datetime(as_of.year, as_of.month, as_of.day, 2, tzinfo=UTC)
    start_build(workspace, protocol, take_in(workspace, protocol, now), as_of)
    graph = load_graph()
    for table in graph.order:
        derive(workspace, table, graph)
    with open_build(workspace) as con:
        write_check_results(con, [])
        write_table(con, "quality.audit_trail", [])
        for name, table in REPORT_TABLES.items():
            write_table(con, name, table.rows(con, protocol) if name in MADE else [])
    tonight = Night(f"{as_of}", now.isoformat(), as_of.isoformat(), [])
    tonight.save(workspace)
    snapshot_id = publish(workspace, protocol, write_snapshot(workspace, protocol, as_of, now=now).folder).name
    record_nights(workspace)
    tonight.finish(workspace, "published")
    record_pack(workspace, protocol, snapshot_id)
    assert build_file(workspace).exists()
    return snapshot_id


def page_of(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> str:
    with open_source(workspace, protocol, snapshot_id) as source:
        return open_page(source, trial_of(source, protocol.study))


def newcomer_and_late_form(workspace: Workspace) -> None:
    oxford = workspace.landing / "oxford"
    (oxford / "participants" / "p2.csv").write_text(
        "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,status_reason\n"
        "003,,,2026-03-25,1970,F,randomised,2026-03-26,\n"
    )
    (oxford / "allocation" / "a2.csv").write_text("subject_id,arm,randomised_on,stratum\n003,ICT,2026-03-26,\n")
    answers = [f"002,phq9,BASELINE,2026-01-04,{item},1" for item in range(1, 10)]
    header = "subject_id,instrument,visit,completed_at,item,value"
    (oxford / "questionnaires" / "q3.csv").write_text("\n".join([header, *answers]) + "\n")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Protocol, list[str]]]:
    workspace, protocol = new_trial(tmp_path_factory.mktemp("pack") / "trial")
    first = run_night(workspace, protocol, FIRST)
    second_drop(workspace)
    newcomer_and_late_form(workspace)
    yield workspace, protocol, [first, run_night(workspace, protocol, SECOND)]


def ask(told: Any, sql: str, night: int = 1, protocol: Protocol | None = None) -> list[Any]:
    workspace, own, snapshots = told
    with board_data(workspace, protocol or own, snapshots[night]) as con:
        return con.execute(sql).fetchall()


def test_each_week_is_kept_once(told: Any) -> None:
    workspace, _, snapshots = told
    assert [(w.week, w.snapshot_id) for w in load_weeks(workspace)] == [
        (date(2026, 3, 22), snapshots[0]),
        (date(2026, 3, 29), snapshots[1]),
    ]
    weeks = ask(told, "SELECT DISTINCT week FROM board.weekly ORDER BY 1")
    assert weeks == [(date(2026, 3, 22),), (date(2026, 3, 29),)]
    assert ask(told, "SELECT DISTINCT week FROM board.weekly", night=0) == [(date(2026, 3, 22),)]


def test_a_page_compares_with_the_last_pack_where_there_was_one(told: Any) -> None:
    workspace, protocol, snapshots = told
    first, second = (page_of(workspace, protocol, snapshot_id) for snapshot_id in snapshots)
    assert "Since the last pack" in second and "Since the last pack" not in first


def test_what_is_kept_is_the_same_where_it_is_reckoned_again(told: Any) -> None:
    workspace, protocol, snapshots = told
    kept = load_pack(workspace, snapshots[1])
    assert kept["audit"] and kept["parts"] and kept["handles"]
    record_pack(workspace, protocol, snapshots[1])
    assert load_pack(workspace, snapshots[1]) == kept


def test_the_first_night_has_nothing_to_compare_with(told: Any) -> None:
    assert ask(told, "FROM board.last_pack", night=0) == ask(told, "FROM board.explained", night=0) == []


def test_records_of_a_week_that_an_earlier_program_kept_are_not_compared(told: Any) -> None:
    workspace, protocol, snapshots = told
    units = units_file(workspace, load_weeks(workspace)[0].week)
    kept = units.read_bytes()
    compared = "SELECT compared FROM board.last_pack"
    assert ask(told, compared) == [(True,)]
    pl.read_parquet(units).drop("value").write_parquet(units)
    record_pack(workspace, protocol, snapshots[1])
    assert ask(told, compared) == [(False,)] and ask(told, "FROM board.moved") == []
    units.write_bytes(kept)
    for kind in ("checks", "central"):
        lost = units_file(workspace, load_weeks(workspace)[0].week, kind)
        kept = lost.read_bytes()
        lost.unlink()
        record_pack(workspace, protocol, snapshots[1])
        assert ask(told, compared) == [(False,)] and ask(told, "FROM board.moved") == []
        lost.write_bytes(kept)
    record_pack(workspace, protocol, snapshots[1])
    assert ask(told, compared) == [(True,)] and ask(told, "FROM board.moved") != []


def test_what_moved_is_explained_to_the_last_unit(told: Any) -> None:
    unexplained = """
        WITH part AS (SELECT number, site_id, side, sum(n) AS n FROM board.explained GROUP BY ALL),
        moved AS (
            SELECT number, site_id, 'denominator' AS side, denominator - denominator_before AS n FROM board.moved
            UNION ALL
            SELECT number, site_id, 'numerator', numerator - numerator_before FROM board.moved
        )
        SELECT number, site_id, side, coalesce(m.n, 0), coalesce(p.n, 0) FROM moved AS m
        FULL JOIN part AS p USING (number, site_id, side)
        WHERE coalesce(m.n, 0) <> coalesce(p.n, 0)
    """
    assert ask(told, "SELECT count(*) > 0 FROM board.moved") == [(True,)]
    assert ask(told, unexplained) == []
    forms = """
        SELECT m.numerator - c.n_received, m.denominator - c.n_received - c.n_overdue FROM board.moved AS m
        JOIN quality.completeness AS c
            ON m.number = 'forms|' || c.avisit || '|' || c.instrument AND m.site_id = c.site_id
    """
    assert set(ask(told, forms)) == {(0, 0)}
    parts = "SELECT number, part, n FROM board.explained WHERE site_id = 'oxford' AND side = '{}' ORDER BY ALL"
    denominators = ask(told, parts.format("denominator"))
    assert ("check|arm_missing", "new_participants", 1) in denominators
    assert ("check|two_forms_for_visit", "late_entries", 1) in denominators
    for number in ("K07", "K10", "K16", "randomised", "screened", "in_follow_up"):
        assert (number, "new_participants", 1) in denominators
    assert ("K06", "late_entries", 9) in denominators
    assert ("K04", "late_entries", -1) in ask(told, parts.format("numerator"))


def test_each_number_that_moved_is_now_what_its_table_says(told: Any) -> None:
    compared = f"""
        SELECT m.number, m.site_id, m.denominator = t.denominator AND m.numerator = t.numerator
        FROM board.moved AS m LEFT JOIN ({TABLES_SAY}) AS t USING (number, site_id)
        WHERE m.number NOT LIKE 'K%'
    """
    found = ask(told, compared)
    assert [row for row in found if row[2] is False] == []
    kinds = {number.partition("|")[0] for number, _, same in found if same}
    assert kinds >= {
        "visit",
        "return",
        "nights",
        "came",
        "age",
        "items",
        "eligible",
        "plan",
        "forecast",
        "check",
        "luck",
        "notice_least",
        "notice_most",
    }
    not_compared = {number.partition("|")[0].partition(":")[0] for number, _, same in found if same is None}
    assert not_compared <= {
        "screened", "randomised", "in_follow_up", "pending", "forms", "open_queries", "randomised_8_weeks",
        "check", "grid",  # with those that this night did not judge: tests/quality/test_checked_unit.py
    }  # fmt: skip


def test_each_number_that_moved_is_said_in_words(told: Any) -> None:
    for (number,) in ask(told, "SELECT DISTINCT number FROM board.moved WHERE number NOT LIKE 'K%'"):
        said = moved_name(number, {}, Measures())
        assert "|" not in said and said != number, said


def test_what_came_with_the_first_day_is_not_called_late(told: Any) -> None:
    """How long it had waited at the site nobody knows; what came a week later is counted."""
    late = "SELECT denominator, numerator FROM quality.kri WHERE kri = 'K03' AND site_id = 'oxford'"
    assert ask(told, late, night=0) == [(0, 0)]
    assert ask(told, late) == [(1, 1)]
    missed = f"SELECT count(*) FROM quality.arrival_night WHERE state = 'absent' AND night <= '{FIRST}'"
    assert ask(told, missed) == [(0,)]


def test_a_threshold_is_changed_without_running_the_data(told: Any) -> None:
    _, protocol, _ = told

    def tolerating(share: float) -> Protocol:
        limit = Limit(tolerance=share, minimum=1, reason="agreed")
        return replace(with_study(protocol, quality={"overdue_forms": limit}), digest=f"tolerating {share}")

    strict, lax = tolerating(0.01), tolerating(1)
    asked = "SELECT numerator, denominator, tolerance, status FROM quality.kri WHERE kri = 'K04' AND site_id = 'oxford'"
    ((x, n, _, _),) = ask(told, asked)
    assert x > 0
    assert ask(told, asked, protocol=strict) == [(x, n, 0.01, "ACTION")]
    assert ask(told, asked, protocol=lax) == [(x, n, 1.0, "OK")]
    changes = ask(told, "SELECT now, reason FROM board.rule_change WHERE what = 'K04'", protocol=strict)
    assert changes == [("tolerance 0.01, minimum 1", "agreed")]
    assert ask(told, "SELECT what FROM board.rule_change WHERE what LIKE 'K%'") == []


def test_by_the_same_study_file_and_program_it_would_be_judged_the_same(told: Any) -> None:
    workspace, protocol, snapshots = told
    with board_data(workspace, protocol, snapshots[1]) as con:

        def judged() -> dict[str, Any]:
            tables = (*JUDGED, "quality.check_grid", "quality.currency")
            return {name: [con.execute(f"DESCRIBE {name}").fetchall(), rows(name)] for name in tables}

        def rows(name: str) -> list[Any]:
            return con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()

        stored = judged()
        judge_anew(con, protocol)
        assert stored == judged()
        assert stored["quality.kri"][1] and stored["quality.check_card"][1]


def test_a_handle_is_looked_up_on_the_sites_own_list(told: Any) -> None:
    workspace, protocol, snapshots = told
    assert write_site_lists(workspace, protocol, snapshots[1]) == []
    shown = {handle for (handle,) in ask(told, "SELECT handle FROM board.handle WHERE name = 'K04'")}
    lists = (workspace.reports / snapshots[1] / "sites").glob("*/queries.csv")
    by_site = {path.parent.name: path.read_text(encoding="utf-8-sig") for path in lists}
    assert shown and all(handle in by_site["oxford"] for handle in shown)
    assert not any(handle in by_site["miyazaki"] for handle in shown)
    key = workspace.keys / "site-oxford.key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = {row[2] for row in load_pack(workspace, snapshots[0])["handles"]}
    after = {row[2] for row in load_pack(workspace, snapshots[1])["handles"]}
    assert before & after, "the same record has the same handle on every night"


def test_handles_are_kept_and_those_of_another_key_or_other_records_are_made_anew(told: Any, tmp_path: Path) -> None:
    shutil.copytree(told[0].root, tmp_path / "trial", symlinks=True)
    workspace, (_, snapshot_id) = Workspace(tmp_path / "trial"), told[2]
    database = workspace.snapshots / snapshot_id / UNBLINDED

    def handles() -> list[list[str]]:
        with duckdb.connect(str(database), read_only=True) as con:
            return pack._handles(con, workspace)

    def as_made_anew() -> list[list[str]]:
        (folder_of(workspace) / "handles").unlink()
        return handles()

    before = handles()
    assert before and before == as_made_anew() == handles()
    (workspace.keys / "site-oxford.key").unlink()
    after = handles()
    assert not {handle for *_, handle in before} & {handle for *_, handle in after} and after == as_made_anew()
    database.chmod(0o600)
    with duckdb.connect(str(database)) as con:
        con.execute("DELETE FROM quality.bad_unit WHERE kri = 'K04'")
    fewer = handles()
    assert not any(name == "K04" for name, *_ in fewer) and fewer == as_made_anew()


def test_the_report_can_see_only_what_is_safe(told: Any) -> None:
    tables = {
        name for (name,) in ask(told, "SELECT table_name FROM information_schema.tables WHERE table_schema <> 'study'")
    }
    assert not tables & {"bad_unit", "day_state", "log_finding", "expected"}
    columns = ask(told, "SELECT column_name FROM information_schema.columns WHERE table_schema = 'analysis'")
    assert not {name for (name,) in columns} & {"arm", "trt01p", "aval", "eosstt"}
    kept = json.loads((folder_of(told[0]) / "2026-03-29.json").read_text())
    assert "ICT" not in json.dumps({name: kept[name] for name in ("values", "study_version", "libraries")})


def test_the_file_is_let_go_of(told: Any) -> None:
    workspace, protocol, snapshots = told
    with board_data(workspace, protocol, snapshots[1]) as con, pytest.raises(duckdb.Error):
        con.execute("SELECT * FROM snapshot.quality.kri")


def test_a_night_that_left_nothing_is_told_truly(told: Any, tmp_path: Path) -> None:
    assert load_pack(Workspace(tmp_path), "none") == NOTHING
