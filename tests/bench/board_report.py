"""The board's report of a large trial: page and PDF of made-up tables of any number of sites.

Made up, since a snapshot of a hundred thousand people takes far longer to simulate than to report.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.figure import GIB, Figure
from tests.bench.measure import measure

SITES, PEOPLE = 50, 2_000  # a site


def report_figures(scratch: Path) -> list[Figure]:
    """The time and memory of a process that does nothing else."""
    made = measure([sys.executable, "-m", "tests.bench.board_report", str(scratch)])
    return [
        Figure(f"report and PDF of {SITES} sites of {PEOPLE:,}", made.seconds, "s", 60),
        Figure("    processor time", made.processor_seconds, "s"),
        Figure("    memory", made.peak_bytes / GIB, "GiB"),
    ]


def _write(folder: Path) -> None:
    from pipelines.report.board.page import open_page
    from pipelines.report.board.pdf import to_pdf
    from tests.report.board.made_up import numbers, study

    source, trial = numbers(study([f"Site {number}" for number in range(1, SITES + 1)]), PEOPLE)
    page = open_page(source, trial)
    (folder / "open.html").write_text(page, encoding="utf-8")
    (folder / "open.pdf").write_bytes(to_pdf(page, trial.as_of))


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
