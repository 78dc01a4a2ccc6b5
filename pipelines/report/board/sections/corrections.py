"""Section 8: data queries by age, how fast they are handled, and what each later delivery changed."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.report.board.parts import Cell, Figure, Needle, Section, Table
from pipelines.report.board.scale import WIDTH, Scale, up_to
from pipelines.report.board.sections.indicators import indicator_table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import ALL_SITES, Trial
from pipelines.report.board.words import capital, count, day

QUESTION = "Are queries and corrections being handled?"
SUMMARY, WEEK, LEDGER = "quality.query_summary", "quality.query_week", "quality.redelivery"
AGES = {
    "n_open_0_7": "0-7 days",
    "n_open_8_14": "8-14",
    "n_open_15_30": "15-30",
    "n_open_31_60": "31-60",
    "n_open_61": "over 60",
}
KINDS = ("n_added", "n_changed", "n_withdrawn", "n_primary_changed")


def build(source: Source, trial: Trial) -> Section:
    """Ages, weeks, the indicators of queries, the ledger."""
    if not source.has(SUMMARY):
        return Section(8, QUESTION, [], absent=["This snapshot does not hold the summaries of queries."])
    found = {row["site_id"]: row for row in source.rows("SELECT * FROM quality.query_summary")}
    rows = [found[site] for site in (*trial.site_ids, ALL_SITES) if site in found]
    figures = [
        *_ages(rows, trial),
        *_weeks(source),
        *indicator_table("T8.3", source, trial, ("K11", "K12", "K14")),
        *_ledger(source, trial),
    ]
    return Section(8, QUESTION, [_answer(found.get(ALL_SITES))], figures=figures)


def _answer(total: Row | None) -> str:
    if total is None or not total["n_queries"]:
        return "No query has been opened."
    median = total["median_days"]
    pace = f"half are closed within {count(median, 'day')}" if median is not None else "fewer than half are closed yet"
    return (
        f"{capital(count(total['n_open'], 'query is', 'queries are'))} open of {total['n_queries']} ever opened; "
        f"{pace}. Open for over 60 days: {total['n_open_61'] or 'none'}."
    )


def _ages(rows: list[Row], trial: Trial) -> list[Figure]:
    lines: list[list[Cell]] = [
        [trial.name(row["site_id"]), row["n_open"], *(row[age] for age in AGES), row["n_closed"], row["median_days"]]
        for row in rows
    ]
    total = next((row for row in rows if row["site_id"] == ALL_SITES), None)
    oldest = max((row for row in rows if row["site_id"]), key=lambda row: row["n_open_61"], default=None)
    title = "No query waits for over 60 days"
    if oldest is not None and oldest["n_open_61"]:
        title = f"Most queries open for over 60 days: {trial.name(oldest['site_id'])}, {oldest['n_open_61']}"
    return [
        Figure(
            "T8.1",
            title,
            Needle(total["n_open"] if total else 0, total["n_queries"] if total else 0, "queries, open"),
            [SUMMARY],
            Table(
                ["Site", "Open", *AGES.values(), "Closed", "Median days to close"],
                lines,
                numeric=frozenset(range(1, 9)),
                languages=[trial.language(row["site_id"]) for row in rows],
            ),
            notes=[
                "The median counts queries that are still open as waiting (Kaplan-Meier). Ages are counted from the "
                "day of the file that raised a query; K12 counts none as older than the site's first day here."
            ],
        )
    ]


@dataclass(frozen=True)
class WeekBars:
    """Two bars a week, from the axis up (opened) and down (closed)."""

    x: list[float]
    y: Scale
    rows: list[Row]
    width: float = WIDTH
    height: float = 112


def _weeks(source: Source) -> list[Figure]:
    if not source.has(WEEK):
        return []
    rows = source.rows("""
        SELECT week, CAST(sum(n_opened) AS BIGINT) AS n_opened, CAST(sum(n_closed) AS BIGINT) AS n_closed
        FROM quality.query_week WHERE site_id <> '' GROUP BY week ORDER BY week
    """)
    if not rows:
        return []
    opened, closed = sum(row["n_opened"] for row in rows), sum(row["n_closed"] for row in rows)
    more = "More queries were opened than closed"
    head = more if opened > closed else "At least as many queries were closed as opened"
    top = up_to(max(max(row["n_opened"], row["n_closed"]) for row in rows), 50, 8, at_least=5)
    bars = WeekBars([50 + 42 * i for i in range(len(rows))], top, rows)
    title = f"{head} in {count(len(rows), 'week')}: {opened} and {closed}"
    return [
        Figure(
            "F8.2",
            title,
            Needle(len(rows), 12, "weeks"),
            [WEEK],
            Table(
                ["Week from", "Opened", "Closed"],
                [[row["week"], row["n_opened"], row["n_closed"]] for row in rows],
                numeric=frozenset({1, 2}),
            ),
            alternative=f"Bars for each week: queries opened upwards, closed downwards. {title}",
            drawing="weeks",
            data=bars,
        )
    ]


def _ledger(source: Source, trial: Trial) -> list[Figure]:
    if not source.has(LEDGER):
        return []
    rows = source.rows("SELECT * FROM quality.redelivery ORDER BY arrived_on DESC, delivery_id")
    changing = [row for row in rows if row["n_changed"] or row["n_withdrawn"] or row["n_primary_changed"]]
    lines: list[list[Cell]] = [
        [
            f"{trial.name(row['site_id'])}, {row['feed']}",
            row["arrived_on"],
            row["rows_prev"],
            *(row[kind] for kind in KINDS),
            row["rows_now"],
        ]
        for row in changing
    ]
    primary = sum(row["n_primary_changed"] for row in rows)
    first = changing[0]["arrived_on"] if changing else None
    title = "No later delivery has changed or withdrawn a record"
    if changing:
        title = (
            f"{capital(count(len(changing), 'delivery', 'deliveries'))} changed or withdrew records, the last on "
            f"{day(first)}; {count(primary, 'cell')} of the primary outcome changed"
        )
    return [
        Figure(
            "T8.4",
            title,
            Needle(len(changing), len(rows), "deliveries that count"),
            [LEDGER],
            Table(
                [
                    "Site and data",
                    "Came on",
                    "Records before",
                    "Added",
                    "Changed",
                    "Withdrawn",
                    "Primary outcome cells",
                    "After",
                ],
                lines,
                numeric=frozenset(range(2, 8)),
            ),
            notes=["Before, plus added, less withdrawn, is after."],
            appendix=len(lines) > 8,
        )
    ]
