"""The report's tables as a reader finds them, and the same cells asked of the snapshot anew, by SQL of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import duckdb
import tinyhtml5

from pipelines.study.study import Study

Lines = list[list[str]]
MACROS = """
    CREATE MACRO num(x) AS CASE
        WHEN x IS NULL THEN '–'
        WHEN contains(format('{:.2f}', CAST(x AS DOUBLE)), '.')
            THEN rtrim(rtrim(format('{:.2f}', CAST(x AS DOUBLE)), '0'), '.')
    END;
    CREATE MACRO txt(x) AS coalesce(CAST(x AS VARCHAR), '–');
    CREATE MACRO dat(d) AS coalesce(strftime(d, '%-d %b %Y'), '–');
    CREATE MACRO pct(p) AS format('{:.0f}%', 100 * CAST(p AS DOUBLE));
    CREATE MACRO ofn(x, n) AS CASE WHEN x IS NULL OR coalesce(n, 0) = 0 THEN '–' ELSE x || '/' || n END;
    CREATE MACRO share(x, n) AS CASE
        WHEN x IS NULL OR coalesce(n, 0) = 0 THEN '–' ELSE pct(x / n) || ' (' || x || '/' || n || ')'
    END;
    CREATE MACRO tail(p) AS CASE WHEN p IS NULL THEN '–' WHEN p < 0.001 THEN '< 0.001' ELSE format('{:.3f}', p) END;
    CREATE MACRO sign(s) AS CASE s
        WHEN 'BROKEN' THEN '! CHECK BROKEN' WHEN 'NO_DATA' THEN '∅ NO DATA' WHEN 'ACTION' THEN '■ ACTION'
        WHEN 'WATCH' THEN '▲ WATCH' WHEN 'TOO_FEW' THEN 'n< TOO FEW' WHEN 'NOT_APPLICABLE' THEN '– NOT APPLICABLE'
        WHEN 'OK' THEN '✓ OK'
    END;
    CREATE MACRO tolerated(kind, tolerance, watch_from) AS CASE
        WHEN kind = 'identity' AND coalesce(watch_from, 1) = 1 THEN 'none'
        WHEN kind = 'identity' THEN 'fewer than ' || watch_from
        ELSE format('{:g}%', 100 * tolerance)
    END;
"""
_SITES_ABREAST = """
    SELECT k.kri || ' ' || any_value(k.title) || ', tolerated '
        || any_value(tolerated(k.kind, k.tolerance, k.watch_from) ORDER BY k.site_id DESC)
        || list_reduce(list(
            '|' || sign(k.status) || ' ' || share(k.numerator, k.denominator) ORDER BY s.pos
        ), lambda a, b: a || b)
    FROM quality.kri AS k JOIN site AS s USING (site_id) WHERE k.kri IN {} GROUP BY k.kri ORDER BY k.kri
"""
ORDER = "['BROKEN', 'NO_DATA', 'ACTION', 'WATCH', 'TOO_FEW', 'NOT_APPLICABLE', 'OK']"
COLUMNS = (
    "['conformance', 'uniqueness', 'reference', 'completeness', 'plausibility_range', 'plausibility_time', "
    "'plausibility_cross', 'delivery']"
)
# By figure: the cells of each line of its table, joined by "|", in the page's order.
CELLS = {
    "f2-1": """
        SELECT concat_ws('|', s.name || ', ' || a.feed,
            count(*) FILTER (a.state = 'accepted'), count(*) FILTER (a.state = 'partial'),
            count(*) FILTER (a.state = 'rejected'), count(*) FILTER (a.state = 'absent'))
        FROM quality.arrival_night AS a JOIN site AS s USING (site_id)
        GROUP BY s.name, s.pos, a.feed ORDER BY s.pos, a.feed
    """,
    "t2-2": """
        SELECT concat_ws('|', s.name || ', ' || c.feed, sign(c.status), dat(c.last_on), dat(c.newest_on),
            txt(c.currency_days), ofn(c.n_arrived, c.n_expected), coalesce(c.lag_median || ', ' || c.lag_p90, '–'),
            coalesce(c.watch_days || ', ' || c.action_days || ' days', '–'))
        FROM quality.currency AS c JOIN site AS s USING (site_id) ORDER BY s.pos, c.feed
    """,
    "f2-3": """
        SELECT concat_ws('|', s.name, l.lag_days, l.n_at_risk, l.n_received, l.n_censored, num(l.received_share))
        FROM quality.lag AS l JOIN site AS s USING (site_id) WHERE l.lag_days % 28 = 0 ORDER BY s.pos, l.lag_days
    """,
    "f3-1": """
        SELECT concat_ws('|', dat(week), n_randomised, n_cumulative, num(n_target))
        FROM quality.recruitment_week ORDER BY week
    """,
    "t3-2": """
        SELECT concat_ws('|', coalesce(s.name, 'All sites'), dat(r.opened_on), num(r.months_open), r.n_screened,
            share(r.n_consented, r.n_eligible),
            CASE WHEN coalesce(r.target_to_date, 0) = 0 THEN txt(r.n_randomised)
                ELSE pct(r.n_randomised / round_even(r.target_to_date, 0)) || ' (' || r.n_randomised || '/'
                    || CAST(round_even(r.target_to_date, 0) AS BIGINT) || ')' END,
            num(r.per_month_open), num(r.per_month_randomising))
        FROM quality.recruitment AS r LEFT JOIN site AS s USING (site_id) ORDER BY coalesce(s.pos, 999)
    """,
    "t4-1": """
        SELECT concat_ws('|', v.avisit || ', ' || s.name, v.n_randomised, v.n_not_yet, v.n_open, v.n_received,
            v.n_overdue, v.n_excused, share(v.n_received, v.n_received + v.n_overdue))
        FROM quality.visit_return AS v JOIN site AS s USING (site_id) ORDER BY v.avisitn, v.avisit, s.pos
    """,
    "t4-2": _SITES_ABREAST.format("('K04', 'K05', 'K07', 'K15')"),
    "t5-3": _SITES_ABREAST.format("('K06')"),
    "t8-3": _SITES_ABREAST.format("('K11', 'K12', 'K14')"),
    "f5-2": """
        SELECT concat_ws('|', p.pattern_no, (
            SELECT string_agg(CASE WHEN list_contains(string_split(p.missing, ', '), m.name) THEN '●' ELSE '·' END, '|'
                ORDER BY m.name)
            FROM (SELECT DISTINCT unnest(string_split(missing, ', ')) AS name FROM quality.missing_pattern) AS m
            WHERE m.name <> ''
        ), share(p.n_people, p.n_due))
        FROM quality.missing_pattern AS p ORDER BY p.pattern_no
    """,
    "f5-1": """
        WITH measure AS (
            SELECT instrument,
                coalesce(nullif(regexp_extract(min(title), '\\(([^()]+)\\)$', 1), ''), instrument) AS name
            FROM quality.instrument GROUP BY instrument
        ),
        cell AS (
            SELECT s.name AS site, s.pos, m.name, c.avisit, min(v.avisitn) OVER (PARTITION BY c.avisit) AS avisitn,
                CASE WHEN c.n_received + c.n_overdue = 0 THEN 'not due'
                    ELSE share(c.n_received, c.n_received + c.n_overdue) || coalesce(' ' || nullif(concat_ws(', ',
                        CASE WHEN c.n_unscoreable > 0 THEN c.n_unscoreable || ' not scoreable' END,
                        CASE WHEN c.pct_items_missing > 0 THEN
                            rtrim(rtrim(format('{:.1f}', c.pct_items_missing), '0'), '.') || '% of items' END
                    ), ''), '') END AS said
            FROM quality.completeness AS c JOIN site AS s USING (site_id) JOIN measure AS m USING (instrument)
            JOIN quality.visit_return AS v ON v.site_id = c.site_id AND v.avisit = c.avisit
        ),
        visit AS (SELECT DISTINCT avisit, avisitn FROM cell),
        line AS (SELECT DISTINCT site, pos, name FROM cell)
        SELECT l.site || ', ' || l.name || '|' || string_agg(coalesce(c.said, 'not due'), '|' ORDER BY v.avisitn)
        FROM line AS l CROSS JOIN visit AS v LEFT JOIN cell AS c USING (site, name, avisit)
        GROUP BY l.site, l.pos, l.name ORDER BY l.pos, l.name
    """,
    "t5-4": """
        SELECT concat_ws('|', i.param || ' (' || i.paramcd || ')', i.title || ', ' || i.version,
            CASE WHEN i.verified THEN 'yes' ELSE 'no' END, txt(i.missing_allowed),
            CASE i.missing_rule_verified WHEN TRUE THEN 'published' WHEN FALSE THEN 'a choice' ELSE '–' END,
            txt(i.unsure))
        FROM quality.instrument AS i
        WHERE i.instrument NOT IN (
            SELECT instrument FROM quality.completeness GROUP BY instrument HAVING max(n_received) = 0)
        ORDER BY i.instrument, i.paramcd
    """,
    "f6-1": f"""
        WITH card AS (
            SELECT s.name, s.pos, c.*, list_position({ORDER}, c.status) AS rank,
                c.status IN ('BROKEN', 'NO_DATA', 'ACTION', 'WATCH') AS flagged
            FROM quality.check_card AS c JOIN site AS s USING (site_id)
        ),
        cell AS (
            SELECT name, pos, grid_column, min(rank) AS rank, count(*) FILTER (flagged) AS n_flagged,
                sum(n_failing) AS x, sum(n_evaluated) AS n,
                first(struct_pack(x := n_failing, n := n_evaluated)
                    ORDER BY rank, -coalesce(n_failing / nullif(n_evaluated, 0), 0), check_name) AS worst
            FROM card GROUP BY name, pos, grid_column
        ),
        said AS (
            SELECT name, pos, grid_column, sign({ORDER}[rank]) || coalesce(' ' || nullif(
                CASE WHEN n_flagged = 0 THEN CASE WHEN x > 0 THEN ofn(x, n) ELSE '' END
                ELSE concat_ws(', ', CASE WHEN worst.n > 0 THEN ofn(worst.x, worst.n) END,
                    CASE WHEN n_flagged > 1 THEN '+' || (n_flagged - 1) END) END, ''), '') AS said
            FROM cell
        )
        SELECT s.name || '|' || string_agg(coalesce(c.said, sign('NOT_APPLICABLE')), '|'
            ORDER BY list_position({COLUMNS}, g.grid_column))
        FROM site AS s CROSS JOIN (SELECT DISTINCT grid_column FROM quality.check_card) AS g
        LEFT JOIN said AS c ON c.name = s.name AND c.grid_column = g.grid_column
        GROUP BY s.name, s.pos ORDER BY s.pos
    """,
    "f7-1": """
        SELECT concat_ws('|', k.kri || ' ' || k.title || ', ' || s.name,
            sign(k.status), share(k.numerator, k.denominator),
            coalesce(pct(k.wilson_low) || ' to ' || pct(k.wilson_high), '–'),
            tolerated(k.kind, k.tolerance, k.watch_from), tail(k.p_upper))
        FROM quality.kri AS k JOIN site AS s USING (site_id) ORDER BY k.kri, s.pos
    """,
    "t7-2": """
        SELECT concat_ws('|', k.kri || ' ' || k.title || ', ' || s.name,
            share(k.numerator, k.denominator), tail(k.p_vs_others))
        FROM quality.kri AS k JOIN site AS s USING (site_id) WHERE k.p_vs_others < 0.01 ORDER BY k.kri, s.pos
    """,
    "t7-3": """
        SELECT concat_ws('|', kri || ' ' || any_value(title), format('{:g}%', 200 * any_value(tolerance)),
            range_of(min(power_watch), max(power_watch)), range_of(min(power_action), max(power_action)))
        FROM quality.kri WHERE power_watch IS NOT NULL GROUP BY kri ORDER BY kri
    """,
    "t8-1": """
        SELECT concat_ws('|', coalesce(s.name, 'All sites'), q.n_open, q.n_open_0_7, q.n_open_8_14, q.n_open_15_30,
            q.n_open_31_60, q.n_open_61, q.n_closed, txt(q.median_days))
        FROM quality.query_summary AS q LEFT JOIN site AS s USING (site_id) ORDER BY coalesce(s.pos, 999)
    """,
    "f8-2": """
        SELECT concat_ws('|', dat(week), sum(n_opened), sum(n_closed))
        FROM quality.query_week WHERE site_id <> '' GROUP BY week ORDER BY week
    """,
    "t8-4": """
        SELECT concat_ws('|', s.name || ', ' || r.feed, dat(r.arrived_on), r.rows_prev, r.n_added, r.n_changed,
            r.n_withdrawn, r.n_primary_changed, r.rows_now)
        FROM quality.redelivery AS r JOIN site AS s USING (site_id)
        WHERE r.n_changed > 0 OR r.n_withdrawn > 0 OR r.n_primary_changed > 0 ORDER BY r.arrived_on DESC, r.delivery_id
    """,
    "t10-1": """
        SELECT concat_ws('|', c.check_id || ' ' || c.title || ', ' || coalesce(nullif(c.measure, ''), 'all'), s.name,
            c.n_site || ' and ' || c.n_rest, num(c.statistic),
            CASE WHEN c.p IS NULL THEN '–' WHEN c.p < 0.001 THEN 'p < 0.001' ELSE format('p = {:.3f}', c.p) END,
            c.n_listed)
        FROM quality.central_check AS c JOIN site AS s USING (site_id) WHERE c.status = 'LISTED'
        ORDER BY c.check_id, c.measure, c.site_id
    """,
    "t10-2": """
        SELECT concat_ws('|', check_id || ' ' || any_value(title), any_value(definition), any_value(minimum),
            count(*) FILTER (status = 'LISTED'), count(*) FILTER (status = 'NOT_LISTED'),
            count(*) FILTER (status = 'TOO_FEW'))
        FROM quality.central_check GROUP BY check_id ORDER BY check_id
    """,
}
# Of these figures the last cells alone: what stands before them are names in other words than the snapshot's.
LAST_CELLS = {
    "f3-3": "SELECT txt(n) FROM quality.flow ORDER BY position",
}
MEASURED = "t9-1"
KEPT_ELSEWHERE = ("t11-1", "t11-2")  # the records of the nights are in no snapshot
MEASURES = """
    SELECT concat_ws('|', upper(measure[1]) || replace(measure[2:], '_', ' '),
        CASE WHEN n_of IS NULL THEN txt(n) ELSE ofn(n, n_of) END)
    FROM quality.log_quality ORDER BY measure
"""
CARDS = """
    SELECT 'card-' || replace(check_name, '_', '-'), s.name || ' ' || sign(c.status)
        || CASE WHEN c.n_evaluated > 0 THEN ' ' || share(c.n_failing, c.n_evaluated) ELSE ' –' END
        || CASE WHEN c.first_seen IS NULL THEN '' ELSE ' since ' || dat(c.first_seen) END
    FROM quality.check_card AS c JOIN site AS s USING (site_id)
    WHERE c.status IN ('BROKEN', 'NO_DATA', 'ACTION', 'WATCH')
"""
# By figure: "n shown / m eligible".
NEEDLES = {
    "f2-1": """
        SELECT count(*) FILTER (state <> 'absent'), count(*)
        FROM quality.arrival_night WHERE state <> 'not_expected'
    """,
    "t2-2": "SELECT count(newest_on), count(*) FROM quality.currency",
    "f2-3": "SELECT sum(n_received), sum(n_received + n_censored) FROM quality.lag WHERE site_id <> ''",
    "f3-1": "SELECT max(n_cumulative), max(n_cumulative) FROM quality.recruitment_week",
    "t3-2": "SELECT n_screened, n_screened FROM quality.recruitment WHERE site_id = ''",
    "f3-3": "SELECT n, n FROM quality.flow WHERE box = 'screened'",
    "t4-1": """
        SELECT sum(n_not_yet + n_open + n_received + n_overdue + n_excused), sum(n_randomised)
        FROM quality.visit_return
    """,
    "t4-2": """
        SELECT count(*) FILTER (denominator > 0), count(*)
        FROM quality.kri WHERE kri IN ('K04', 'K05', 'K07', 'K15')
    """,
    "t5-3": "SELECT count(*) FILTER (denominator > 0), count(*) FROM quality.kri WHERE kri = 'K06'",
    "t8-3": "SELECT count(*) FILTER (denominator > 0), count(*) FROM quality.kri WHERE kri IN ('K11', 'K12', 'K14')",
    "f5-1": "SELECT sum(n_received), sum(n_received + n_overdue) FROM quality.completeness",
    "f5-2": "SELECT coalesce(sum(n_people), 0), coalesce(max(n_due), 0) FROM quality.missing_pattern",
    "t5-4": """
        SELECT count(*) FILTER (verified), count(*) FROM quality.instrument
        WHERE instrument NOT IN (
            SELECT instrument FROM quality.completeness GROUP BY instrument HAVING max(n_received) = 0)
    """,
    "f6-1": "SELECT count(*) FILTER (status IN ('OK', 'WATCH', 'ACTION')), count(*) FROM quality.check_card",
    "f7-1": "SELECT count(*) FILTER (denominator > 0), count(*) FROM quality.kri WHERE kind = 'proportion'",
    "t7-2": "SELECT count(p_vs_others), count(*) FROM quality.kri",
    "t7-3": "SELECT count(power_watch), count(*) FROM quality.kri",
    "t8-1": "SELECT n_open, n_queries FROM quality.query_summary WHERE site_id = ''",
    "f8-2": "SELECT count(DISTINCT week), 12 FROM quality.query_week",
    "t8-4": """
        SELECT count(*) FILTER (n_changed > 0 OR n_withdrawn > 0 OR n_primary_changed > 0), count(*)
        FROM quality.redelivery
    """,
    "t9-1": "SELECT max(n_users), max(n_users) FROM quality.log_quality",
    "t10-1": "SELECT count(*) FILTER (status <> 'TOO_FEW'), count(*) FROM quality.central_check",
    "t10-2": "SELECT count(*), count(*) FROM quality.central_check",
}
# Sentences in the words of the page, with the numbers asked of the snapshot.
SENTENCES = (
    """
    SELECT r.n_randomised || ' people are randomised; by now the plan asks for ' || format('{:.0f}', r.target_to_date)
        || ' (' || pct(r.n_randomised / r.target_to_date) || ' of it), and for ' || r.target || ' in all.'
    FROM quality.recruitment AS r WHERE site_id = ''
    """,
    """
    SELECT 'at ' || avisit || ' ' || share(sum(n_received), sum(n_received + n_overdue))
    FROM quality.visit_return GROUP BY avisit, avisitn HAVING sum(n_received + n_overdue) > 0
    """,
    "SELECT ' open of ' || n_queries || ' ever opened' FROM quality.query_summary WHERE site_id = ''",
    "SELECT 'Of ' || count(DISTINCT check_name) || ' checks ' FROM quality.check_card",
    "SELECT count(*) FILTER (status = 'OK') || ' OK.' FROM quality.check_card",
    """
    SELECT 'Of ' || n || ' people screened ' || (SELECT n FROM quality.flow WHERE box = 'randomised')
        || ' are randomised'
    FROM quality.flow WHERE box = 'screened'
    """,
    """
    SELECT 'show at most ' || num(sum(chance_watch)) || ' WATCH and ' || num(sum(chance_action)) || ' ACTION'
    FROM quality.kri
    """,
    """
    SELECT 'from all months so far ' || q50 || ' more (80%: ' || q10 || ' to ' || q90
        || '; 95%: ' || q025 || ' to ' || q975
    FROM quality.recruitment_forecast WHERE basis = 'all' ORDER BY months DESC LIMIT 1
    """,
    "SELECT 'The log of ' || max(n_users) || ' people up to ' || dat(max(upto)) FROM quality.log_quality",
)


@contextmanager
def snapshot(database: Path, study: Study) -> Iterator[duckdb.DuckDBPyConnection]:
    """The blinded file as it was published, with the sites' names beside it."""
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{database}' AS published (READ_ONLY)")
        con.execute("USE published")
        con.execute("CREATE TEMP TABLE site (site_id VARCHAR, name VARCHAR, pos INTEGER)")
        for place, site in enumerate(study.sites):
            con.execute("INSERT INTO site VALUES (?, ?, ?)", [site.site, site.name, place])
        con.execute(MACROS.replace("CREATE MACRO", "CREATE TEMP MACRO"))
        con.execute("""
            CREATE TEMP MACRO range_of(a, b) AS
             CASE WHEN pct(a) = pct(b) THEN pct(a) ELSE pct(a) || ' to ' || pct(b) END
        """)
        yield con


def other_cells(page: str, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Figures whose table does not hold, cell by cell, what the snapshot holds; figures that nobody recounts."""
    found = lines_of(page)
    unlike = sorted(found.keys() ^ {*CELLS, *LAST_CELLS, MEASURED, *KEPT_ELSEWHERE})
    for figure, sql in CELLS.items():
        shown = ["|".join(cell.replace("\u00a0", " ") for cell in line).rstrip("|") for line in found.get(figure, [])]
        expected = [line for (line,) in con.execute(sql).fetchall()]
        if figure == "f5-1":  # its order is that of the study file
            shown, expected = sorted(shown), sorted(expected)
        unlike += [f"{figure}: {a} | but {b}" for a, b in zip_longest(shown, expected) if a != b]
    for figure, sql in LAST_CELLS.items():
        last = [line[-1] for line in found.get(figure, [])]
        unlike += [figure] if last != [cell for (cell,) in con.execute(sql).fetchall()] else []
    measured = ["|".join(line[:2]) for line in found.get(MEASURED, [])]
    return unlike + ([MEASURED] if measured != [line for (line,) in con.execute(MEASURES).fetchall()] else [])


def other_needles(page: str, con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """By figure: the needle as it stands and as it should be, where these differ."""
    found = {figure: needle for figure, needle in needles_of(page).items() if figure not in KEPT_ELSEWHERE}
    counted = {figure: con.execute(sql).fetchone() for figure, sql in NEEDLES.items()}
    both = found.keys() | counted.keys()
    return {f: (found.get(f), counted.get(f)) for f in both if found.get(f) != counted.get(f)}


def missing_sentences(page: str, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Sentences with the snapshot's numbers that the page does not say."""
    text = text_of(page)
    said = [sentence for sql in SENTENCES for (sentence,) in con.execute(sql).fetchall()]
    return [sentence for sentence in said if sentence is not None and sentence not in text]


def other_cards(page: str, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Flagged checks that lack their card or their counts on it, and cards of what is not flagged."""
    cards, flagged = cards_of(page), con.execute(CARDS).fetchall()
    return [f"{card}: {said}" for card, said in flagged if said not in cards.get(card, "")] + sorted(
        cards.keys() - {card for card, _ in flagged}
    )


def lines_of(page: str) -> dict[str, Lines]:
    """The lines of every figure's whole table, where it stands or in the appendix; each cell as a reader sees it."""
    tree = tinyhtml5.parse(page, namespace_html_elements=False)
    found = {figure.get("id", ""): _lines(figure) for figure in tree.iter("figure")}
    found |= {
        (div.get("id") or "").removeprefix("table-"): _lines(div)
        for div in tree.iter("div")
        if (div.get("id") or "").startswith("table-")
    }
    return found


def needles_of(page: str) -> dict[str, tuple[int, int]]:
    """`n shown / m eligible` of every figure."""
    tree = tinyhtml5.parse(page, namespace_html_elements=False)
    found = {figure.get("id", ""): re.search(r"(\d+) shown / (\d+)", _text(figure)) for figure in tree.iter("figure")}
    return {name: (int(match[1]), int(match[2])) for name, match in found.items() if match}


def cards_of(page: str) -> dict[str, str]:
    """The text of every check's card."""
    tree = tinyhtml5.parse(page, namespace_html_elements=False)
    return {card.get("id", ""): _text(card).replace("\u00a0", " ") for card in tree.iter("article")}


def text_of(page: str) -> str:
    return _text(tinyhtml5.parse(page, namespace_html_elements=False).find("body"))


def _lines(element: Element) -> Lines:
    return [[_text(cell) for cell in row] for body in element.iter("tbody") for row in body.iter("tr")]


def _text(element: Any) -> str:
    return re.sub(r"\s+", " ", " ".join(element.itertext())).strip()
