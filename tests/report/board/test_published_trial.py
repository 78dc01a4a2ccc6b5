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
from pipelines.report.packs import show_pack
from pipelines.report.site_lists import write_site_lists
from pipelines.report.status_page import PAGE as STATUS
from pipelines.report.status_page import write_status_page
from pipelines.workspace import Workspace
from tests.report.board import recount
from tests.report.board.small_trial import NOW, TOKENS, lay_out, publish

Reports = tuple[Path, str, Workspace, Workspace]  # the report, the permuted trial's, and both trials
OF_THE_LOG = r'<h3 id="def-quality-log-quality">.*?</p>'  # appendix A says what section 9 counts
UNLIKE = ("s0", "s9")  # the cover has digests over all that is shown


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The report, and that of the same trial with the arms permuted and no log, no contacts and no adverse events."""
    root = tmp_path_factory.mktemp("told")
    first = lay_out(root / "first", given=0, log=True)
    second = lay_out(root / "second", given=1, log=False)
    snapshot_id = publish(first)
    assert write_open_report(first, first.protocol(), snapshot_id) in ([], [NO_PANGO])
    assert write_site_lists(first, first.protocol(), snapshot_id) == show_pack(first, snapshot_id) == []
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
    assert sum(len(line) for lines in recount.lines_of(page).values() for line in lines) > 800
    assert recount.other_cells(page, con) == []


def test_every_needle_says_how_much_of_what_there_is(recounted: tuple[str, duckdb.DuckDBPyConnection]) -> None:
    assert recount.other_needles(*recounted) == {}


def test_the_numbers_in_its_sentences_are_the_snapshots_too(
    recounted: tuple[str, duckdb.DuckDBPyConnection],
) -> None:
    assert recount.missing_sentences(*recounted) == []


def test_every_flagged_check_has_its_card_with_its_counts(recounted: tuple[str, duckdb.DuckDBPyConnection]) -> None:
    assert len(recount.cards_of(recounted[0])) > 5
    assert recount.other_cards(*recounted) == []


def test_a_number_that_is_not_the_snapshots_is_found(recounted: tuple[str, duckdb.DuckDBPyConnection]) -> None:
    page, con = recounted
    wrong = page.replace("87% (135/155)", "87% (136/155)").replace("24 shown / 24 people screened", "25 shown / 24")
    assert wrong != page
    assert len(recount.other_cells(wrong, con)) > 2 and {"t3-2", "f3-3"} <= recount.other_needles(wrong, con).keys()
    assert recount.missing_sentences(page.replace("24 people are randomised", "23 people are randomised"), con)


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
    assert len(files) == 6 and len(history) == 9  # of the week five, of each site's list one, and the handles
    units = [path for path in history if path.suffix == ".parquet"]
    files |= {path: path.read_bytes() for path in history}
    files |= {path: repr(duckdb.sql(f"FROM '{path}'").fetchall()).encode() for path in units}
    for path, content in files.items():
        for where in TOKENS.keys() - {"participant", "event"}:
            assert not [e for e in ("utf-8", "cp932") if TOKENS[where].encode(e) in content], (path, where)
    oxford = (report / "sites" / "oxford" / "queries.csv").read_text(encoding="utf-8")
    assert f"{TOKENS['participant']}o" in oxford and f"{TOKENS['participant']}h" not in oxford


def test_the_pack_is_at_most_twelve_pages_and_its_appendix(reports: Reports) -> None:
    pypdf = pytest.importorskip("pypdf")
    if not (reports[0] / PDF).exists():
        pytest.skip("the system library Pango is missing, without which there is no PDF")
    texts = [page.extract_text() for page in pypdf.PdfReader(reports[0] / PDF).pages]
    assert next(i for i, text in enumerate(texts) if "Appendix A." in text) <= 12


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
