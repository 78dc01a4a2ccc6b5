"""Section 3: items left out of the forms that came, and scores that cannot be reckoned, by instrument and arm."""

from __future__ import annotations

from pipelines.report.board.parts import Figure, Needle, Section, Table
from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import counted

QUESTION = "What is missing inside the forms that came?"
READS = ["quality.expected_item", "quality.expected", "analysis.adqs"]
_MISSING = """
    WITH gap AS (
        SELECT
            usubjid, instrument, avisit, week_no,
            count(*) FILTER (WHERE state IN ('quarantined', 'coded_missing', 'lost', 'left_blank')) AS n_missing,
            count(*) FILTER (WHERE state = 'structurally_absent') AS n_never_asked
        FROM quality.expected_item
        GROUP BY usubjid, instrument, avisit, week_no
    ),
    form AS (
        SELECT
            p.code, e.instrument,
            count(*) AS n_forms,
            CAST(sum(e.n_items - coalesce(g.n_never_asked, 0)) AS BIGINT) AS n_items,
            CAST(sum(coalesce(g.n_missing, 0)) AS BIGINT) AS n_missing
        FROM quality.expected AS e
        JOIN closed.person AS p ON p.usubjid = e.usubjid
        LEFT JOIN gap AS g
            ON g.usubjid = e.usubjid AND g.instrument = e.instrument AND g.avisit = e.avisit AND g.week_no = e.week_no
        WHERE e.week_no = 0 AND e.state IN ('received', 'received_late')
        GROUP BY p.code, e.instrument
    ),
    score AS (
        SELECT
            p.code, q.parcat1 AS instrument,
            count(*) AS n_scores,
            count(*) FILTER (WHERE q.aval IS NULL AND q.avalc IS NULL) AS n_unscoreable
        FROM analysis.adqs AS q
        JOIN closed.person AS p ON p.usubjid = q.usubjid
        WHERE q.anl01fl = 'Y'
        GROUP BY p.code, q.parcat1
    )
    SELECT
        i.title, a.label, f.n_forms, f.n_items, f.n_missing,
        coalesce(s.n_scores, 0) AS n_scores,
        coalesce(s.n_unscoreable, 0) AS n_unscoreable
    FROM form AS f
    JOIN study.instrument AS i ON i.instrument = f.instrument
    JOIN closed.arm AS a ON a.code = f.code
    LEFT JOIN score AS s ON s.code = f.code AND s.instrument = f.instrument
    ORDER BY i.instrument, a.position
"""
HEAD = ["Instrument and arm", "Forms received", "Items missing", "Scores that cannot be reckoned"]


def build(source: Source, trial: Trial) -> Section:
    """One table of instruments and arms."""
    del trial
    if not source.has(*READS):
        return Section(3, QUESTION, [], absent=["This snapshot does not hold the state of each item."])
    rows = source.rows(_MISSING)
    if not rows:
        return Section(3, QUESTION, ["No form of a visit has come yet."])
    missing, items = (sum(row[name] for row in rows) for name in ("n_missing", "n_items"))
    lines = [
        [
            f"{row['title']}, {row['label']}",
            row["n_forms"],
            counted(row["n_missing"], row["n_items"]),
            counted(row["n_unscoreable"], row["n_scores"]),
        ]
        for row in rows
    ]
    forms = sum(row["n_forms"] for row in rows)
    figure = Figure(
        "C3.1",
        f"Items missing from forms of visits: {counted(missing, items)}",
        Needle(forms, forms, "forms received"),
        READS,
        Table(HEAD, lines, numeric=frozenset({1, 2, 3})),
        notes=["Missing: left blank, coded missing, refused or lost. Scores are those that stand for a visit."],
    )
    return Section(3, QUESTION, ["Of the forms of visits that came, item by item."], figures=[figure])
