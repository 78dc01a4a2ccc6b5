"""The lists of data queries that each site is sent."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines import effects
from pipelines.report.packs import show_pack
from pipelines.report.site_lists import write_site_lists
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace
from tests.quality.asked_trial import SNAPSHOT, asked_trial, published
from tests.sql.trial import Trial

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Workspace:
    trial = asked_trial(ict_sad)
    workspace = published(tmp_path_factory.mktemp("lists"), trial)
    assert write_site_lists(workspace, ict_sad, SNAPSHOT) == []
    return workspace


def page(workspace: Workspace, site: str) -> str:
    return (workspace.reports / SNAPSHOT / "sites" / site / "queries.html").read_text(encoding="utf-8")


def rows(workspace: Workspace, site: str) -> list[dict[str, str]]:
    content = (workspace.reports / SNAPSHOT / "sites" / site / "queries.csv").read_bytes()
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


class Cells(HTMLParser):
    """The tags of a page, and the text of its table cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


def test_a_list_says_person_record_field_rule_day_and_what_to_do(written: Workspace) -> None:
    (line,) = [row for row in rows(written, "oxford") if row["rule"] == "visit label disagrees"]
    assert line["query"].startswith("Q-") and line["what_to_do"].endswith("Correct whichever of the two is wrong.")
    assert (line["person"], line["record"], line["field"]) == ("oxford-1", "phq9, WEEK 15", "completed_at")
    assert (line["first_seen"], line["age_days"], line["status"]) == ("2026-06-01", "30", "open")


def test_a_field_is_called_what_the_site_calls_it(written: Workspace) -> None:
    fields = {row["field"] for row in rows(written, "oxford") if row["rule"] == "status date missing"}
    assert fields == {"status_dt"}
    assert {row["field"] for row in rows(written, "miyazaki")} == {"状態日"}


def test_a_row_without_key_is_told_by_its_place(written: Workspace) -> None:
    (line,) = [row for row in rows(written, "oxford") if row["rule"] == "unknown code"]
    assert line["record"].startswith("row ") and line["record"].endswith(" of redcap_participants")


def test_page_and_csv_hold_the_same(written: Workspace) -> None:
    for site in ("oxford", "miyazaki"):
        cells = Cells(page(written, site)).cells
        for row in rows(written, site):
            assert {row["query"], row["field"], row["what_to_do"], row["first_seen"]} <= set(cells)


def test_no_other_sites_no_arm_no_free_text_and_nothing_that_tells_an_arm(written: Workspace) -> None:
    for site, other in (("oxford", "miyazaki-1"), ("miyazaki", "oxford-1")):
        text = page(written, site) + str(rows(written, site))
        for hidden in (other, "TAU", "ICT", "usage", "access", "Ann Other"):
            assert hidden not in text.replace(page_words(written, site), ""), (site, hidden)


def page_words(workspace: Workspace, site: str) -> str:
    """The page's own last paragraph, which says what is not on the list."""
    text = page(workspace, site)
    return text[text.index("<p>Not on this list") :]


def test_a_site_without_queries_is_told_so(written: Workspace) -> None:
    assert "no query is open" in page(written, "hong_kong")
    assert rows(written, "hong_kong") == []


def test_the_page_stands_alone(written: Workspace) -> None:
    for site in ("oxford", "hong_kong"):
        text = page(written, site)
        tags = Cells(text).tags
        assert not tags & {"script", "img", "link", "iframe", "object", "form"}
        assert "http:" not in text and "https:" not in text and "@import" not in text and "url(" not in text
        assert "default-src 'none'" in text and '<html lang="en">' in text


def test_names_are_shown_as_they_are_and_never_run(tmp_path: Path, ict_sad: Protocol) -> None:
    sites = [s.model_copy(update={"name": f"宮崎 大學 {HOSTILE}"}) for s in ict_sad.study.sites]
    protocol = replace(ict_sad, study=ict_sad.study.model_copy(update={"sites": sites, "title": f"研究 {HOSTILE}"}))
    workspace = published(tmp_path, spoilt(protocol))
    assert write_site_lists(workspace, protocol, SNAPSHOT) == []
    text = page(workspace, "oxford")
    assert "宮崎 大學" in text and "研究" in text and HOSTILE not in text
    assert "script" not in Cells(text).tags
    content = (workspace.reports / SNAPSHOT / "sites" / "oxford" / "queries.csv").read_text(encoding="utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
    assert any("cmd" in cell for cell in cells)
    assert not any(cell.startswith(("=", "+", "-", "@", "＝")) for cell in cells)


def spoilt(protocol: Protocol) -> Trial:
    """A column of the site's file that a spreadsheet would take for a formula, and one that a browser would run."""
    trial = asked_trial(protocol)
    for name, row in zip(("=cmd|' /C calc'!A0", "＝cmd", HOSTILE), range(3), strict=True):
        trial.refuse("participants", "oxford", "d1", f"00{row}")
        trial.rows["quarantine"][-1]["column_name"] = name
    return trial


def test_the_same_snapshot_gives_the_same_lists(written: Workspace, ict_sad: Protocol) -> None:
    folder = written.reports / SNAPSHOT
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*.*"))}
    assert write_site_lists(written, ict_sad, SNAPSHOT) == []
    assert before == {path: path.read_bytes() for path in sorted(folder.rglob("*.*"))}


def test_latest_points_to_the_newest_and_every_nights_are_kept(written: Workspace) -> None:
    earlier = effects.make_directory(written.reports / "20260101T020000Z-00000000")
    assert show_pack(written, earlier.name) == show_pack(written, SNAPSHOT) == []
    assert str((written.reports / "latest").readlink()) == SNAPSHOT and earlier.is_dir()


def test_a_pack_that_cannot_be_shown_is_told(written: Workspace) -> None:
    def full(kind: str, path: Path) -> None:
        if kind == "symlink":
            raise OSError(28, "No space left on device", str(path))

    shown = show_pack(written, SNAPSHOT)
    with effects.watched(full):
        (failure,) = show_pack(written, "20270101T020000Z-00000000")
    assert shown == [] and failure.startswith("reports/latest still points to an earlier night: No space left")
    assert str((written.reports / "latest").readlink()) == SNAPSHOT


def test_a_list_that_cannot_be_written_is_told_and_the_others_are_written(tmp_path: Path, ict_sad: Protocol) -> None:
    workspace = published(tmp_path, asked_trial(ict_sad))

    def full(kind: str, path: Path) -> None:
        if kind == "open" and "miyazaki" in path.parts:
            raise OSError(28, "No space left on device", str(path))

    with effects.watched(full):
        failures = write_site_lists(workspace, ict_sad, SNAPSHOT)
    (failure,) = failures
    assert failure.startswith("The list of data queries of miyazaki could not be written: No space left on device")
    assert (
        rows(workspace, "oxford") and not (workspace.reports / SNAPSHOT / "sites" / "miyazaki" / "queries.csv").exists()
    )


def test_a_snapshot_that_cannot_be_read_is_told_without_its_values(tmp_path: Path, ict_sad: Protocol) -> None:
    workspace = Workspace(tmp_path)
    failures = write_site_lists(workspace, ict_sad, "absent")
    assert len(failures) == 3 and all("could not be written: IOException" in failure for failure in failures)
