"""Section 0: what this report is, and as of when."""

from __future__ import annotations

from pipelines.report.board.parts import Section
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count, day, listed

OUTCOMES = {"published": "published", "held_back": "held back", "failed": "failed"}
AUDIT = "quality.audit_trail"

BLINDED_PEOPLE = (
    "The arms are kept from outcome assessors, from analysts before the database is locked, from the steering "
    "committee and the chief investigators. Participants and therapists know them."
)
NOBODY_BLINDED = "Nobody is blinded in this trial; this report still leaves out everything by arm."
VERIFY = (
    "manifest.json beside the snapshot names the SHA-256 of every table and file; the command ict-trial verify "
    "computes them again, and builds every table anew from the files as the sites sent them"
)
HEAD = (
    "over its changes that tell nothing of arms; whether the whole chain holds is said in section 11. Its head moves "
    "with the log, so it is not printed here: the command ict-trial verify prints it for those who may open the "
    "unblinded file"
)
AS_OF = "SELECT site_id, min(last_on) AS oldest_on FROM quality.arrival WHERE last_on IS NOT NULL GROUP BY site_id"


def build(source: Source, trial: Trial) -> Section:
    """Identity and integrity, in one list. No time of day: what is the same of two nights makes the same report."""
    study = trial.study
    facts = [
        ("Protocol", f"version {study.version}; {', '.join(study.registrations) or 'no registration named'}"),
        ("Data as of", _data_as_of(source, trial)),
        *_nights_since(source, trial),
        ("Program", f"version {trial.code_version}"),
        ("Study file", f"SHA-256 {trial.study_digest}"),
        *_identity(source),
        *_audit(source),
        ("To verify", VERIFY),
    ]
    answer = [NOBODY_BLINDED if study.who_sees_outcomes == "none" else BLINDED_PEOPLE]
    return Section(0, "What is this report, and as of when?", answer, facts=facts)


def _nights_since(source: Source, trial: Trial) -> list[tuple[str, str]]:
    """Runs since the last pack, by what came of them; nothing before the first."""
    last = source.rows("SELECT as_of FROM board.last_pack") if source.has("board.last_pack", "board.night") else []
    if not last:
        return []
    rows = source.rows(
        "SELECT DISTINCT outcome, as_of FROM board.night WHERE as_of > $since AND as_of <= $day",
        since=last[0]["as_of"],
        day=trial.as_of,
    )
    tally = [f"{words} on {count(sum(r['outcome'] == code for r in rows), 'day')}" for code, words in OUTCOMES.items()]
    return [("Since the last pack", f"{listed(tally)}, since {day(last[0]['as_of'])}")]


def _identity(source: Source) -> list[tuple[str, str]]:
    rows = source.rows("SELECT * FROM board.identity") if source.has("board.identity") else []
    facts = []
    for row in rows:
        files = count(row["n_received"], "file", "files")
        before = f"SHA-256 {row['before_digest']}" if row["before_digest"] else "there is none"
        facts += [
            ("Received", f"SHA-256 {row['received_digest']} over those of {files} that tell nothing of arms"),
            ("This snapshot", f"SHA-256 {row['tables_digest']} over the digests of its blinded tables"),
            ("The last pack's", before),
        ]
    return facts


def _audit(source: Source) -> list[tuple[str, str]]:
    """The digest of the changes that everybody may see: the head of the whole chain moves with the log too."""
    if AUDIT not in source.digests:
        return []
    return [("Audit trail", f"SHA-256 {source.digests[AUDIT]} {HEAD}")]


def _data_as_of(source: Source, trial: Trial) -> str:
    oldest = {row["site_id"]: row["oldest_on"] for row in source.rows(AS_OF)} if source.has("quality.arrival") else {}
    return "; ".join(
        f"{trial.name(site)} {day(oldest[site]) if site in oldest else 'nothing yet'}" for site in trial.site_ids
    )
