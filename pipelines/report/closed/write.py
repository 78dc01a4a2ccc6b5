"""Write the closed report of a snapshot into `closed/`; called by `ict-trial report --closed` alone."""

from __future__ import annotations

from pathlib import Path

from pipelines import effects
from pipelines.report.board.appendices import GLOSSARY
from pipelines.report.board.edition import Edition
from pipelines.report.board.page import page_of
from pipelines.report.board.pdf import NoPdf, to_pdf
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial, trial_of
from pipelines.report.board.words import counts_alone
from pipelines.report.closed.arm_codes import private_folder
from pipelines.report.closed.closed_data import closed_source
from pipelines.report.closed.sections import SECTIONS
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace

PAGE, PDF = "closed.html", "closed.pdf"
EDITION = Edition(
    name="closed report",
    banner="CLOSED: by treatment arm, coded; not for the trial team",
    purpose="Results by arm for the independent statistician and the closed session of the monitoring board.",
    skip="To the first question",
    reading="Each section answers one question. Tables count people by the arm that they were allocated to; counts "
    "stand before their per cent.",
    marks=("safe", "outcome", "revealing"),
    validation=(
        "Every number here is counted by a query over tables of the published unblinded snapshot, whose digests are "
        "printed with the figures. The same snapshot, study file and key give the same report, byte for byte.",
        "No test is made between arms and nothing is imputed: what is here describes what the sites have sent. What "
        "is tested, and how, stands in the tests that come with the program.",
    ),
    glossary=tuple((word, meaning) for word, meaning in GLOSSARY if word in ("Cut-off", "Denominator", "Snapshot")),
)


def write_closed_report(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> tuple[list[Path], list[str]]:
    """Write `closed/<snapshot>/closed.html` and `closed.pdf`, for their owner alone.

    Returns what was written, and a sentence for the PDF where it could not be made. Raises OSError where the
    unblinded snapshot may not be read, or `closed/` not be written, by who runs it.
    """
    with closed_source(workspace, protocol, snapshot_id) as source:
        trial = trial_of(source, protocol.study)
        page = closed_page(source, trial)
    folder = private_folder(workspace.closed / snapshot_id)
    written = [effects.write(folder / PAGE, page.encode())]
    try:
        return [*written, effects.write(folder / PDF, to_pdf(page, trial.as_of))], []
    except NoPdf as error:
        effects.remove(folder / PDF)  # one of an earlier page would say something else
        return written, [str(error)]


def closed_page(source: Source, trial: Trial) -> str:
    """The closed report as one HTML text."""
    with counts_alone(trial.one_person):
        return page_of(source, trial, [build(source, trial) for build in SECTIONS], EDITION)
