"""Write the open report of a snapshot into `reports/`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines import effects
from pipelines.own_words import in_own_words
from pipelines.report.board.page import open_page
from pipelines.report.board.pdf import NoPdf, begin_pdf, to_pdf
from pipelines.report.board.source import open_source
from pipelines.report.board.trial import trial_of
from pipelines.report.packs import LATEST
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace

PAGE, PDF = "open.html", "open.pdf"


@dataclass(frozen=True)
class Page:
    """The page of a snapshot's report, and its cut-off."""

    text: str
    as_of: date


def write_open_report(
    workspace: Workspace,
    protocol: Protocol,
    snapshot_id: str,
    former: Path | None = None,
    with_pdf: bool = True,
    page: Page | None = None,
) -> list[str]:
    """Write `reports/<snapshot>/open.html` and, `with_pdf`, `open.pdf`.

    `page` is what `begin_open_report` made of the same snapshot, where nothing has changed since. `former` is the
    folder of an earlier report: where its page is the same, its PDF is taken over, which takes ten times as long to
    make as all the rest. Returns a sentence for the PDF where it could not be made; the page is there all the same.
    """
    page = page or _page(workspace, protocol, snapshot_id)
    content = former and _pdf_of(former, page)
    folder = effects.make_directory(workspace.reports / snapshot_id)
    effects.remove(folder / PDF)  # one of an earlier page would say something else
    effects.write(folder / PAGE, page.text.encode())
    if not with_pdf:
        return []
    try:
        effects.write(folder / PDF, content or to_pdf(page.text, page.as_of))
    except NoPdf as error:
        return [str(error)]
    return []


def begin_open_report(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> Page:
    """Have the PDF of a snapshot drawn beside other work, where the last report has none of the same page. Nothing is
    written: what was drawn is taken when the report is, where its page is that one."""
    page = _page(workspace, protocol, snapshot_id)
    if not _pdf_of(workspace.reports / LATEST, page):
        begin_pdf(page.text, page.as_of)
    return page


def _page(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> Page:
    with open_source(workspace, protocol, snapshot_id) as source:
        trial = trial_of(source, protocol.study)
        return Page(open_page(source, trial), trial.as_of)


def _pdf_of(folder: Path, page: Page) -> bytes | None:
    """The PDF of a report that was written before, where its page is this one."""
    if not (folder / PDF).is_file() or (folder / PAGE).read_bytes() != page.text.encode():
        return None
    return (folder / PDF).read_bytes()


def try_open_report(workspace: Workspace, protocol: Protocol, snapshot_id: str, page: Page | None = None) -> list[str]:
    """The same in a night, where a report that fails is a finding: nothing published is touched."""
    try:
        wanted = workspace.deployment().report_pdf
        return write_open_report(workspace, protocol, snapshot_id, workspace.reports / LATEST, wanted, page)
    except Exception as error:  # noqa: BLE001 (the night is published, whatever the report stumbles over)
        return [f"The open report could not be written: {in_own_words(error)}"]


def pages(workspace: Workspace, snapshot_id: str) -> list[Path]:
    """What was written for a snapshot."""
    folder = workspace.reports / snapshot_id
    return [folder / name for name in (PAGE, PDF) if (folder / name).is_file()]
