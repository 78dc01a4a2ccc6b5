"""Section 0: what this report is, for whom, and as of when."""

from __future__ import annotations

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count, day
from pipelines.report.closed.arms import everybody, groups_of

FOR_WHOM = (
    "This report is for the independent statistician and the closed session of the monitoring board. It shows "
    "results by arm: even under letters nobody of the trial team may see it before the database is opened."
)
LETTERS = (
    "The arms go by letters that a secret key drew. Who knows the trial can still tell them apart: sections 6 and 9 "
    "show who was given the programme, and section 2 visits that not every arm has."
)
NO_ARMS = "This trial allocates nobody: everything is shown for everybody together."
NOBODY_BLINDED = "Nobody is blinded in this trial; the arms go by letters all the same."
NOBODY_IN = "Nobody is in the trial yet, so that every table is empty."


def build(source: Source, trial: Trial) -> Section:
    """Identity, and how the arms are called."""
    study, groups = trial.study, groups_of(source)
    answer = [FOR_WHOM, LETTERS if study.has_allocation else NO_ARMS]
    if study.has_allocation and study.who_sees_outcomes == "none":
        answer.append(NOBODY_BLINDED)
    if not everybody(groups):
        answer.append(NOBODY_IN)
    facts = [
        ("Protocol", f"version {study.version}; {', '.join(study.registrations) or 'no registration named'}"),
        ("Data as of", day(trial.as_of)),
        ("Arms", _arms(trial)),
        ("Snapshot built", f"{trial.built_at:%Y-%m-%d %H:%M} UTC by program version {trial.code_version}"),
        ("Study file", f"SHA-256 {trial.study_digest}"),
    ]
    return Section(0, "What is this report, for whom, and as of when?", answer, facts=facts)


def _arms(trial: Trial) -> str:
    if not trial.study.arms:
        return "none"
    return f"{count(len(trial.study.arms), 'arm')}; the key to the letters is in closed/arm_codes.json, not in here"
