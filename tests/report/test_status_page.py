"""The status as a page: what it says, that it is as blind as the folder it lies in, and that it is always written."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from click.testing import CliRunner
from sqlglot import exp

from pipelines.cli import cli
from pipelines.night import Night
from pipelines.quality.check_table import write_check_results
from pipelines.quality.judge import judge
from pipelines.report.status_page import render_status_page, write_status_page
from pipelines.status import queries, status
from pipelines.study.load import SCHEMAS, Protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.warehouse.blinding import blinded_contents
from pipelines.warehouse.dictionary import load_dictionary
from pipelines.warehouse.published import BLINDED
from pipelines.workspace import Workspace
from tests.quality.good_trial import forget_form, good_trial, study_day
from tests.sql.exports import CHANGES, export
from tests.sql.trial import Trial, at

NOW = datetime(2026, 7, 20, 6, 30, tzinfo=UTC)
SNAPSHOT = "20260720T020000Z-aaaaaaaa"
HOSTILE = '<script>alert("x")</script>'
READ = ("delivery", "quarantine", "arrival", "completeness", "overdue", "drift", "check_result", "data_query")
MADE = ("quality.metric", *(f"quality.{name}" for name in READ if name != "check_result"))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Path:
    """The blinded file of a trial in which nothing is wrong."""
    return blinded_file(tmp_path_factory.mktemp("calm") / BLINDED, good_trial(ict_sad))


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Path:
    """The blinded file of a trial with something of everything; its tests say what."""
    trial = good_trial(ict_sad)
    forget_form(trial, "002", "phq9", study_day(57))
    for columns in CHANGES["range_shifted"]:
        export(trial, *columns, received_at=at("2026-07-18T12:00"))
    new = trial.delivery(
        "oxford", "participants", n_rows=1200, n_accepted=900, n_quarantined=300, n_duplicate=0, status="partial",
        stream="redcap_participants", received_at=at("2026-07-20T01:00"),
    )  # fmt: skip
    trial.refuse("participants", "oxford", new, None)
    trial.rows["quarantine"][-1]["column_name"] = HOSTILE
    trial.delivery("oxford", "participants", status="held", reason="because", received_at=at("2026-07-20T01:30"))
    hidden = {"reason": "CANARY", "file_name": "CANARY", "blinding": "revealing"}
    trial.delivery("oxford", "usage", status="rejected", **hidden, received_at=at("2026-07-20T01:00"))
    return blinded_file(tmp_path_factory.mktemp("busy") / BLINDED, trial)


def blinded_file(file: Path, trial: Trial) -> Path:
    """What the page reads of a trial, as the dictionary lets it into the blinded file."""
    con = trial.tables(*MADE).con
    write_check_results(con, judge(con, trial.protocol))
    con.execute(f"ATTACH '{file}' AS shown")
    con.execute("CREATE SCHEMA shown.quality; CREATE SCHEMA shown.meta")
    for part in blinded_contents(load_dictionary(), "statistician", "key"):
        if part.table.table in {f"quality.{name}" for name in READ}:
            con.execute(f"CREATE TABLE shown.{part.table.table} AS {part.select}")
    con.execute(
        f"CREATE TABLE shown.meta.snapshot AS SELECT '{SNAPSHOT}' AS snapshot_id, DATE '{trial.as_of}' AS as_of, "
        "TIMESTAMPTZ '2026-07-20 02:00:00+00' AS built_at"
    )
    con.execute("DETACH shown")
    con.close()
    return file


def publish(workspace: Workspace, file: Path, snapshot_id: str = SNAPSHOT) -> None:
    folder = workspace.snapshots / snapshot_id
    folder.mkdir(parents=True)
    shutil.copy(file, folder / BLINDED)
    for link, target in (("current", f"snapshots/{snapshot_id}"), ("current.duckdb", f"current/{BLINDED}")):
        (workspace.published / link).unlink(missing_ok=True)
        (workspace.published / link).symlink_to(target)


def night(run_id: str, **given: Any) -> Night:
    values = {"started_at": f"2026-07-{run_id}T02:00:00+00:00", "as_of": "2026-07-20", "sites": ["oxford"]}
    return Night(run_id=run_id, **{**values, **given})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "trial")
    make_trial_folder(workspace, SCHEMAS / "studies" / "ict_sad.yaml")
    return workspace


def written(workspace: Workspace, now: datetime = NOW) -> str:
    path = write_status_page(workspace, now)
    assert path.resolve() == (workspace.reports / "latest" / "status.html").resolve()
    return path.read_text(encoding="utf-8")


class Reader(HTMLParser):
    """The words of a page, and its tags; every tag is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", " ".join(Reader(page).words))


def ids(file: Path) -> list[str]:
    with duckdb.connect(str(file), read_only=True) as con:
        return [row[0] for row in con.execute("SELECT delivery_id FROM quality.delivery ORDER BY 1").fetchall()]


def test_it_says_what_came_what_was_refused_what_is_owed_and_what_changed(workspace: Workspace, busy: Path) -> None:
    publish(workspace, busy)
    *_, new, held = sorted(ids(busy), key=lambda name: int(name[1:]))
    received = [new, held, "d14", "d15"]
    night("20", outcome="published", received=received, finished_at="2026-07-20T02:09:00+00:00").save(workspace)
    text = text_of(written(workspace))
    assert "oxford participants 2 1 1,200 900 300" in text
    assert f"{held} oxford participants 2026-07-20 01:30 held: waits for the data manager's word" in text
    assert "1 unknown code" in text and "oxford/participants" in text
    assert "oxford WEEK 8 1 phq9 1 of 2" in text
    assert "hong_kong participants" in text, "a source that never came"
    assert "phq9_1 range shifted" in text
    assert "1 column of 1 export gone or shifted (oxford) : ask the site" in text
    assert "The last began 2026-07-20 02:00 UTC, ended 2026-07-20 02:09: published" in text
    assert text.index("What waits for a person?") < text.index("What came in last night?")


def test_the_same_facts_as_the_screen(workspace: Workspace, busy: Path) -> None:
    publish(workspace, busy)
    state = status(workspace, NOW, blinded=True)
    json.dumps(state)
    text = text_of(written(workspace))
    assert state["needs"] and state["overdue_deliveries"] and state["check_counts"]
    for need in state["needs"]:
        assert need["what"] in text
    for row in state["overdue_deliveries"]:
        assert f"{row['site_id']} {row['feed'].replace('_', ' ')} {row['stream']}" in text
    for name, n in state["check_counts"].items():
        assert f"{name.replace('_', ' ')} {n}" in text
    oxford = next(row for row in state["sites"] if row["site_id"] == "oxford")
    assert (oxford["n_overdue_forms"], oxford["n_overdue_weekly"], oxford["n_held"]) == (1, None, 1)


def test_a_night_that_failed_is_told_and_the_snapshot_before_it_is_shown(workspace: Workspace, calm: Path) -> None:
    publish(workspace, calm)
    night("19", outcome="published").save(workspace)
    night("20", outcome="failed", messages=["CANARY of a usage file"]).save(workspace)
    page = written(workspace)
    text = text_of(page)
    assert "■ ACTION : the night of 2026-07-20 02:00 failed, and readers see the night before" in text
    assert f"Readers see the snapshot {SNAPSHOT}" in text and "CANARY" not in page


@pytest.mark.parametrize(("hour", "word"), [(3, "WATCH"), (5, "NO DATA")])
def test_a_night_that_never_ran_is_seen(workspace: Workspace, calm: Path, hour: int, word: str) -> None:
    publish(workspace, calm)
    night("19", outcome="published").save(workspace)
    text = text_of(written(workspace, datetime(2026, 7, 20, hour, tzinfo=UTC)))
    assert f"{word} :" in text
    assert ("no night since 2026-07-19 02:00; the next was due 2026-07-20 02:00" in text) is (hour == 5)
    assert f"later than {'2026-07-20 04:00' if hour == 3 else '2026-07-21 05:00'} UTC when you read this" in text


def test_before_any_night_and_without_a_study_file_that_can_be_read_it_is_written_too(workspace: Workspace) -> None:
    assert "∅ NO DATA : no night has run yet" in text_of(written(workspace))
    workspace.study_file.write_text("study: [\n")
    assert "The study file has mistakes" in text_of(written(workspace))


def test_a_snapshot_that_is_damaged_does_not_keep_the_page_away(workspace: Workspace, calm: Path) -> None:
    publish(workspace, calm)
    (workspace.published / "current.duckdb").resolve().write_bytes(b"no database" * 1000)
    assert "The snapshot cannot be read" in text_of(written(workspace))


def test_every_night_since_the_first_has_its_mark(workspace: Workspace) -> None:
    for run_id, outcome in (("15", "published"), ("16", "failed"), ("18", "held_back"), ("20", "published")):
        night(run_id, outcome=outcome).save(workspace)
    marks = re.findall(r'<span title="2026-07-(\d\d) ([a-z ]+)">(.)</span>', written(workspace))
    assert marks == [
        ("15", "published", "●"), ("16", "failed", "✕"), ("17", "none", "∅"), ("18", "held back", "◐"),
        ("19", "none", "∅"), ("20", "published", "●"),
    ]  # fmt: skip


def test_rows_over_nights_are_drawn_to_scale(workspace: Workspace, calm: Path) -> None:
    """Of 70 rows on one day, and 75 and 25 set aside on the next, whose 100 fill the height of 20."""
    publish(workspace, calm)
    state = status(workspace, NOW, blinded=True)
    night_before = {"site_id": "oxford", "n_duplicate": 0, "n_refused": 0}
    state["rows_by_night"] = [
        night_before | {"day": "2026-07-18", "n_accepted": 50, "n_quarantined": 0},
        night_before | {"day": "2026-07-19", "n_accepted": 75, "n_quarantined": 25},
    ]
    page = render_status_page(state, "x", NOW)
    bars = re.findall(r'<rect class="(\w+)" x="(\d+)" y="([\d.]+)" width="4" height="([\d.]+)"', page)
    assert bars == [
        ("accepted", "125", "10.0", "10.0"),
        ("accepted", "130", "5.0", "15.0"),
        ("aside", "130", "0.0", "5.0"),
    ]
    assert "125 rows accepted and 25 set aside in 2 nights, 100 in the largest" in page


def test_rows_over_nights_are_those_of_the_deliveries(workspace: Workspace, busy: Path) -> None:
    publish(workspace, busy)
    by_night = status(workspace, NOW, blinded=True)["rows_by_night"]
    assert {"site_id": "oxford", "day": "2026-07-20", "n_accepted": 900, "n_quarantined": 300, "n_duplicate": 0,
            "n_refused": 1} in by_night  # fmt: skip


def test_what_moved_since_the_snapshot_before(workspace: Workspace, calm: Path, busy: Path) -> None:
    publish(workspace, calm, "20260719T020000Z-aaaaaaaa")
    publish(workspace, busy)
    moved = status(workspace, NOW, blinded=True)["since_before"]
    assert moved["forms"] == [{"site_id": "oxford", "n_before": 0, "n_now": 1}]
    (turned,) = [row for row in moved["queries"] if row["site_id"] == "oxford"]
    assert turned["n_opened"] > 0 and turned["n_closed"] == 0
    assert all(row["was"] != row["became"] for row in moved["checks"]) and moved["checks"]
    text = text_of(written(workspace))
    assert "oxford: 1 overdue forms of visits, 0 before" in text
    assert f"oxford: {turned['n_opened']} quer" in text


def test_without_an_earlier_snapshot_nothing_is_compared(workspace: Workspace, calm: Path) -> None:
    publish(workspace, calm)
    assert "There is no earlier snapshot to compare with" in text_of(written(workspace))


def read_columns(sql: str) -> set[str]:
    """The columns that a question reads, as table.column."""
    found = set()
    for select in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Select):
        tables = {t.alias_or_name: f"{t.db}.{t.name}" for t in select.find_all(exp.Table)}
        for column in select.find_all(exp.Column):
            owners = [tables[column.table]] if column.table in tables else list(tables.values())
            found |= {f"{owner}.{column.name}" for owner in owners}
    return found


def test_every_column_that_the_page_reads_is_marked_safe() -> None:
    dictionary = load_dictionary()
    asked = {
        name: sql
        for name, sql in vars(queries).items()
        if name.isupper() and f"{name}_BLINDED" not in vars(queries) and name != "ALERTS"
    }
    assert len(asked) > 10
    for name, sql in asked.items():
        for place in read_columns(sql):
            table, _, column = place.rpartition(".")
            if table in dictionary and column in dictionary[table].columns:
                assert dictionary[table].blinding == "safe", (name, place)
                mark = dictionary[table].columns[column].blinding
                assert mark == "safe", (name, place, mark)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> dict[str, Path]:
    """The good trial as it is, with arms swapped, and with no word of what only one arm has."""
    files = {}
    for name in ("swapped", "silent"):
        trial = good_trial(ict_sad)
        if name == "swapped":
            for row, arm in zip(trial.rows["allocation"], ("TAU", "ICT"), strict=True):
                row["arm"] = arm
        else:
            for feed in ("usage", "contacts", "adverse_events"):
                trial.rows[feed] = []
            for delivery in trial.deliveries:
                if delivery["feed"] in ("usage", "contacts", "adverse_events"):
                    delivery |= {"n_rows": 0, "n_accepted": 0}
        files[name] = blinded_file(tmp_path_factory.mktemp(name) / BLINDED, trial)
    return files


@pytest.mark.parametrize("name", ["swapped", "silent"])
def test_arms_swapped_or_the_programme_unused_change_no_byte(
    workspace: Workspace, calm: Path, spoken: dict[str, Path], name: str
) -> None:
    pages = []
    for n, file in enumerate((calm, spoken[name])):
        publish(workspace, file, f"20260720T02000{n}Z-aaaaaaaa")
        night("20", outcome="published", received=[f"d{i}" for i in range(1, 20)]).save(workspace)
        pages.append(render_status_page(status(workspace, NOW, blinded=True) | {"since_before": None}, "x", NOW))
    assert pages[0] == pages[1]


def test_nothing_of_a_revealing_source_is_in_it(workspace: Workspace, busy: Path) -> None:
    """Nor of a file that lies in landing/, because it may be one of such a source."""
    publish(workspace, busy)
    lying = {"waiting": {"oxford/usage/CANARY.csv": "CANARY"}, "not_taken": {"CANARY": "CANARY"}}
    night("20", outcome="published", received=["d1", "d4", "d5", "new"], **lying).save(workspace)
    page = written(workspace)
    assert "CANARY" not in page and "oxford/usage" not in page
    assert [row["feed"] for row in status(workspace, NOW, blinded=True)["received"]] == ["participants"]


def test_the_page_stands_alone_and_runs_nothing(workspace: Workspace, busy: Path) -> None:
    publish(workspace, busy)
    page = render_status_page(status(workspace, NOW, blinded=True), HOSTILE, NOW)
    tags = Reader(page).tags
    assert not tags & {"script", "img", "link", "iframe", "object", "form"} and HOSTILE not in page
    assert "alert(" in page, "it is shown, as text"
    assert "http:" not in page and "https:" not in page and "url(" not in page and "@import" not in page
    assert "default-src 'none'" in page and '<html lang="en">' in page


def test_sixty_sites_make_a_page_that_can_be_read(workspace: Workspace, calm: Path) -> None:
    publish(workspace, calm)
    state = status(workspace, NOW, blinded=True)
    late = {"feed": "participants", "stream": "own", "last_on": None, "due_on": None}
    state["overdue_deliveries"] = [late | {"site_id": f"site_{n}"} for n in range(60)]
    page = render_status_page(state, "x", NOW)
    assert "and 20 more" in page and len(page) < 200_000


def test_the_command_writes_it(workspace: Workspace, calm: Path) -> None:
    publish(workspace, calm)
    done = CliRunner().invoke(cli, ["status", "--html", "--workspace", str(workspace.root)])
    assert (done.exit_code, done.output.strip()) == (0, str(workspace.reports / "latest" / "status.html"))
    assert text_of((workspace.reports / "latest" / "status.html").read_text(encoding="utf-8"))
