"""The report of a small published trial: every number in it is the snapshot's, and nothing tells an arm or a person.

Arms are permuted and the log is deleted, tokens are planted.
"""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines import effects
from pipelines.quality.history import folder_of
from pipelines.report.board.page import open_page
from pipelines.report.board.pdf import NO_PANGO
from pipelines.report.board.source import open_source
from pipelines.report.board.trial import trial_of
from pipelines.report.board.write import PAGE, PDF, write_open_report
from pipelines.report.site_lists import write_site_lists
from pipelines.report.status_page import PAGE as STATUS
from pipelines.report.status_page import write_status_page
from pipelines.workspace import Workspace
from tests.report.board import recount
from tests.report.board.small_trial import NOW, TOKENS, lay_out, publish

Reports = tuple[Path, str, Workspace, Workspace]  # the report, the permuted trial's, and both trials
OF_THE_LOG = r'<h3 id="def-quality-log-quality">.*?</p>'  # appendix A says what section 9 counts
KEPT_ELSEWHERE = ("t11-1", "t11-2")  # the records of the nights are in no snapshot
UNLIKE = ("s0", "s9")  # the cover has digests over all that is shown


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The report, and that of the same trial with the arms permuted and no log, no contacts and no adverse events."""
    root = tmp_path_factory.mktemp("told")
    first = lay_out(root / "first", given=0, log=True)
    second = lay_out(root / "second", given=1, log=False)
    snapshot_id = publish(first)
    assert write_open_report(first, first.protocol(), snapshot_id) in ([], [NO_PANGO])
    assert write_site_lists(first, first.protocol(), snapshot_id) == []
    write_status_page(first, NOW)
    effects.remove(second.keys)
    shutil.copytree(first.keys, second.keys)  # or the handles would differ, which tell nothing
    with open_source(second, second.protocol(), publish(second)) as source:
        permuted = open_page(source, trial_of(source, second.protocol().study))
    return first.reports / snapshot_id, permuted, first, second


def test_who_is_in_which_arm_and_who_used_the_programme_changes_nothing(reports: Reports) -> None:
    """But for section 9, which tells of the log of all sites together, and for the digests over what is shown."""
    report, permuted, _, _ = reports
    page = (report / PAGE).read_text(encoding="utf-8")
    told, untold = sections(page), sections(permuted)
    assert "The log of 10 people up to" in told["s9"] and "so nothing is" in untold["s9"]
    assert [name for name in told if told[name] != untold[name]] == [*UNLIKE]
    assert masked(told["s0"]) == masked(untold["s0"])
    assert appendices(page) == appendices(permuted)  # and so is the PDF, which is made of the page alone


def sections(page: str) -> dict[str, str]:
    """Each numbered section by its place in the page."""
    found = re.findall(r'<section id="(s\d+)".*?</section>', page, re.DOTALL)
    return {name: re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)[0] for name in found}  # type: ignore[index]


def appendices(page: str) -> list[str]:
    """Their words, without what is said of the log."""
    text = page.partition('id="appendix-a"')[2]
    return re.sub(OF_THE_LOG, "", text, count=1, flags=re.DOTALL).split()


def masked(text: str) -> str:
    """Without digests, and without how many tables they are over."""
    return re.sub(r"[0-9a-f]{64}|\d+ tables", "#", text)


def test_no_blinded_table_differs_but_for_the_snapshots_own_digests(reports: Reports) -> None:
    first, second = (blinded_rows(workspace) for workspace in reports[2:])
    assert first.keys() == second.keys()
    assert [table for table in first if first[table] != second[table]] == ["meta.snapshot", "quality.log_quality"]
    assert sum(len(rows) for rows in first.values()) > 1000


def blinded_rows(workspace: Workspace) -> dict[str, list[str]]:
    with duckdb.connect(str(workspace.published / "current.duckdb"), read_only=True) as con:
        named = "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1"
        return {
            table: sorted(map(repr, con.execute(f"FROM {table}").fetchall()))
            for (table,) in con.execute(named).fetchall()
        }


@pytest.fixture(scope="module")
def recounted(reports: Reports) -> Iterator[tuple[str, duckdb.DuckDBPyConnection]]:
    """The page, and the snapshot it is of."""
    report, _, workspace, _ = reports
    with recount.snapshot(workspace.published / "current.duckdb", workspace.protocol().study) as con:
        yield (report / PAGE).read_text(encoding="utf-8"), con


def test_every_table_says_what_the_snapshot_holds_cell_by_cell(
    recounted: tuple[str, duckdb.DuckDBPyConnection],
) -> None:
    page, con = recounted
    found = recount.lines_of(page)
    assert set(found) == {*recount.CELLS, *recount.LAST_CELLS, "t9-1", *KEPT_ELSEWHERE}
    cells = 0
    for figure, sql in recount.CELLS.items():
        shown = ["|".join(cell.replace("\u00a0", " ") for cell in line).rstrip("|") for line in found[figure]]
        expected = [line for (line,) in con.execute(sql).fetchall()]
        cells += sum(line.count("|") for line in expected)
        in_order = (lambda lines: lines) if figure != "f5-1" else sorted  # the study file's order of instruments
        assert in_order(shown) == in_order(expected), figure
    assert cells > 500
    for figure, sql in recount.LAST_CELLS.items():
        assert [line[-1] for line in found[figure]] == [cell for (cell,) in con.execute(sql).fetchall()], figure
    assert ["|".join(line[:2]) for line in found["t9-1"]] == [x for (x,) in con.execute(recount.MEASURES).fetchall()]


def test_every_needle_says_how_much_of_what_there_is(recounted: tuple[str, duckdb.DuckDBPyConnection]) -> None:
    page, con = recounted
    found = recount.needles_of(page)
    assert set(found) == {*recount.NEEDLES, *KEPT_ELSEWHERE}
    assert {figure: con.execute(sql).fetchone() for figure, sql in recount.NEEDLES.items()} == {
        figure: needle for figure, needle in found.items() if figure not in KEPT_ELSEWHERE
    }


def test_the_numbers_in_its_sentences_are_the_snapshots_too(
    recounted: tuple[str, duckdb.DuckDBPyConnection],
) -> None:
    page, con = recounted
    text = recount.text_of(page)
    for sql in recount.SENTENCES:
        said = [sentence for (sentence,) in con.execute(sql).fetchall()]
        assert said and [sentence for sentence in said if sentence not in text] == []


def test_every_flagged_check_has_its_card_with_its_counts(recounted: tuple[str, duckdb.DuckDBPyConnection]) -> None:
    page, con = recounted
    cards, flagged = recount.cards_of(page), con.execute(recount.CARDS).fetchall()
    assert len(flagged) > 5
    assert [(card, said) for card, said in flagged if said not in cards.get(card, "")] == []
    assert set(cards) == {card for card, _ in flagged}


@pytest.fixture(scope="module")
def written(reports: Reports) -> tuple[bytes, bytes]:
    """Every byte of the report and of the status page, the PDF as it is, uncompressed and as text; the blinded file."""
    report, _, workspace, _ = reports
    contents = [(report / PAGE).read_bytes(), (report / STATUS).read_bytes()]
    if (report / PDF).exists():
        pypdf = pytest.importorskip("pypdf")
        document = (report / PDF).read_bytes()
        text = "".join(page.extract_text() for page in pypdf.PdfReader(report / PDF).pages)
        contents += [document, *streams(document), text.encode()]
    return b"\n".join(contents), (workspace.published / "current.duckdb").read_bytes()


@pytest.mark.parametrize("where", TOKENS)
def test_no_planted_token_comes_out(written: tuple[bytes, bytes], where: str) -> None:
    report, blinded = written
    searched = [report] if where in ("participant", "event") else [report, blinded]  # the statistician has the numbers
    for encoding in ("utf-8", "cp932", "utf-16-be", "utf-16-le"):
        assert not [True for content in searched if TOKENS[where].encode(encoding) in content]


def test_a_sites_list_and_the_history_of_weeks_hold_its_own_numbers_and_no_values(reports: Reports) -> None:
    """The list of a site names its own people; what the nights leave for the next report names them by their keys."""
    report, _, workspace, _ = reports
    files = {path: path.read_bytes() for path in (report / "sites").rglob("*") if path.is_file()}
    history = [path for path in folder_of(workspace).rglob("*") if path.is_file()]
    assert len(files) == 6 and len(history) == 3
    units = next(path for path in history if path.suffix == ".parquet")
    files |= {path: path.read_bytes() for path in history}
    files[units] = repr(duckdb.sql(f"FROM '{units}'").fetchall()).encode()
    for path, content in files.items():
        for where in TOKENS.keys() - {"participant", "event"}:
            assert not [e for e in ("utf-8", "cp932") if TOKENS[where].encode(e) in content], (path, where)
    oxford = (report / "sites" / "oxford" / "queries.csv").read_text(encoding="utf-8")
    assert f"{TOKENS['participant']}o" in oxford and f"{TOKENS['participant']}h" not in oxford


def test_no_visit_of_one_arm_is_named(reports: Reports) -> None:
    assert "FOLLOW-UP" not in (reports[0] / PAGE).read_text(encoding="utf-8")


def streams(content: bytes) -> list[bytes]:
    """Every stream of a PDF, uncompressed."""
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            found.append(zlib.decompress(match[1]))
        except zlib.error:
            found.append(match[1])
    return found
