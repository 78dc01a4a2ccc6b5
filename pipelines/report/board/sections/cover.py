"""Section 0: what this report is, and as of when."""

from __future__ import annotations

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import day

BLINDED_PEOPLE = (
    "The arms are kept from outcome assessors, from analysts before the database is locked, from the steering "
    "committee and the chief investigators. Participants and therapists know them."
)
NOBODY_BLINDED = "Nobody is blinded in this trial; this report still leaves out everything by arm."
AS_OF = "SELECT site_id, min(last_on) AS oldest_on FROM quality.arrival WHERE last_on IS NOT NULL GROUP BY site_id"


def build(source: Source, trial: Trial) -> Section:
    """Identity and integrity, in one list. No time of day: what is the same of two nights makes the same report."""
    study = trial.study
    facts = [
        ("Protocol", f"version {study.version}; {', '.join(study.registrations) or 'no registration named'}"),
        ("Data as of", _data_as_of(source, trial)),
        ("Program", f"version {trial.code_version}"),
        ("Study file", f"SHA-256 {trial.study_digest}"),
        (
            "To verify",
            "ict-trial verify computes every digest again, and the build from the files as the sites sent them",
        ),
    ]
    answer = [NOBODY_BLINDED if study.who_sees_outcomes == "none" else BLINDED_PEOPLE]
    return Section(0, "What is this report, and as of when?", answer, facts=facts)


def _data_as_of(source: Source, trial: Trial) -> str:
    oldest = {row["site_id"]: row["oldest_on"] for row in source.rows(AS_OF)} if source.has("quality.arrival") else {}
    return "; ".join(
        f"{trial.name(site)} {day(oldest[site]) if site in oldest else 'nothing yet'}" for site in trial.site_ids
    )
