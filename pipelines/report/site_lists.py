"""Each site's own list of data queries, as a page to print and as CSV, rendered from a published snapshot.

A list names that site's own numbers, fields and rules. It holds no other site's, no free text, no arm, and no query
whose being there would tell one (`for_site_list` of `quality.data_query`). By the handles on it, which only the board's
report and this list have, a site finds the record that the board speaks of: each query, and each record behind an
indicator. A list that would be the last one again, but for the snapshot that it names, is taken over (`last_lists`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines import effects
from pipelines.own_words import in_own_words
from pipelines.quality.handles import HandleOf, site_handles
from pipelines.report.last_lists import PAGE, TABLE, SiteList, last_list, list_folder, made_of, note_list
from pipelines.report.template import template
from pipelines.study.indicator import load_indicators
from pipelines.study.load import Protocol
from pipelines.study.study import Site, Study
from pipelines.warehouse.code_version import code_version
from pipelines.warehouse.database import CLOSED
from pipelines.warehouse.fingerprint import rows_digest
from pipelines.warehouse.published import UNBLINDED
from pipelines.warehouse.quoting import literal
from pipelines.warehouse.render import Answer, render
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

ORDER = ("critical", "warning")
STATUS_WORDS = {
    "open": "open",
    "miscorrected": "changed, and still wrong",
    "answered": "said to be corrected; your next file will show it",
}
ASKED = """
    SELECT q.query_id, q.severity, q.status, q.subject_id, q.record_key, q.feed, d.stream, q.column_name, q.rule,
        q.opened_on, q.age_days, q.message
    FROM quality.data_query AS q
    LEFT JOIN quality.delivery AS d ON d.delivery_id = q.last_delivery_id
    WHERE q.site_id = {site} AND q.for_site_list AND q.status <> 'closed'
        AND NOT (q.status = 'answered' AND q.answer = 'confirmed')
    ORDER BY list_position(['critical', 'warning'], q.severity), q.opened_on, q.subject_id, q.rule, q.record_key,
        q.column_name
"""
BEHIND = """
    SELECT b.kri, b.unit, b.usubjid, b.first_on, s.as_of - b.first_on AS age_days
    FROM quality.bad_unit AS b
    CROSS JOIN meta.snapshot AS s
    WHERE b.site_id = {site}
    ORDER BY b.kri, b.unit
"""
AS_OF = "SELECT as_of FROM meta.snapshot"


class Line(NamedTuple):
    """One query on a site's list. `record` is what of the person it is about; `field` the column of the site's file."""

    query: str
    severity: str
    status: str
    person: str
    record: str
    field: str
    rule: str
    first_seen: date | None
    age_days: int | None
    what_to_do: str
    handle: str


def write_site_lists(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> list[str]:
    """Write `reports/<snapshot>/sites/<site>/queries.html` and `.csv` of every site.

    Returns a sentence for each list that could not be written; the others are, and nothing published is touched.
    """
    failures = []
    with ExitStack() as held:
        with suppress(Exception):  # what is wrong each list says
            held.enter_context(_opened(workspace, snapshot_id))  # to open it takes DuckDB longer than to read from it
        for site in protocol.study.sites:
            try:
                _write(workspace, protocol.study, snapshot_id, site)
            except Exception as error:  # noqa: BLE001 (the night is published; the other sites must have their lists)
                failures.append(f"The list of data queries of {site.site} could not be written: {in_own_words(error)}")
    return failures


def _write(workspace: Workspace, study: Study, snapshot_id: str, site: Site) -> None:
    call = site_handles(workspace, site.site)
    with _opened(workspace, snapshot_id) as con:
        made = _made_of(con, study, site, call)
        last = last_list(workspace, site.site, made, snapshot_id)
        listed = last or _list(con, study, site, call, snapshot_id)
    folder = effects.make_directory(list_folder(workspace, snapshot_id, site.site))
    effects.write(folder / PAGE, listed.page)
    effects.write(folder / TABLE, listed.table)
    with suppress(OSError):  # what is not noted is made anew
        note_list(workspace, site.site, made, snapshot_id, listed)


def _made_of(con: duckdb.DuckDBPyConnection, study: Study, site: Site, call: HandleOf) -> str:
    """What a list follows from: the rows that are asked for, what the study file says of the site, the key of its
    handles (which the handle of nothing tells from another), and the program."""
    asked = [query.format(site=literal(site.site)) for query in _queries(con)]
    rows = [rows_digest(con, f"({query})") for query in (*asked, AS_OF)]
    program = [code_version(), version("jinja2"), version("markupsafe")]
    return made_of(*rows, study.study, study.title, site.model_dump_json(), call("", ""), *program)


def _list(con: duckdb.DuckDBPyConnection, study: Study, site: Site, call: HandleOf, snapshot_id: str) -> SiteList:
    lines, behind = _lines(con, site, call), _behind(con, site, study.study, call)
    (as_of,) = con.execute(AS_OF).fetchone() or (None,)
    page = template("site_queries").render(
        study=study,
        site=site,
        as_of=as_of,
        snapshot_id=snapshot_id,
        lines=lines,
        by_severity={severity: [line for line in lines if line.severity == severity] for severity in ORDER},
        behind=behind,
    )
    return SiteList(page.encode(), _csv([*lines, *behind]))


@contextmanager
def _opened(workspace: Workspace, snapshot_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    con = duckdb.connect(str(workspace.snapshots / snapshot_id / UNBLINDED), read_only=True, config=dict(CLOSED))
    try:
        yield con
    finally:
        con.close()


def _queries(con: duckdb.DuckDBPyConnection) -> list[str]:
    """What is asked of a snapshot; one of a program that did not keep the records behind the indicators has none."""
    kept = con.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = 'quality' AND table_name = 'bad_unit'"
    ).fetchall()
    return [ASKED, BEHIND] if kept else [ASKED]


def _lines(con: duckdb.DuckDBPyConnection, site: Site, call: HandleOf) -> list[Line]:
    cursor = con.execute(ASKED.format(site=literal(site.site)))
    names = [column[0] for column in cursor.description]
    return [_line(dict(zip(names, row, strict=True)), site, call) for row in cursor.fetchall()]


def _behind(con: duckdb.DuckDBPyConnection, site: Site, study: str, call: HandleOf) -> list[Line]:
    """The records behind the indicators."""
    indicators = {indicator.kri: indicator for indicator in load_indicators()}
    asked = BEHIND.format(site=literal(site.site))
    rows = con.execute(asked).fetchall() if BEHIND in _queries(con) else []
    lines = []
    for kri, unit, usubjid, first_on, age_days in rows:
        person = (usubjid or "").removeprefix(f"{study}-{site.site}-")
        parts = [part for part in unit.split("|") if part and part != usubjid]
        lines.append(
            Line(
                query="",
                severity="",
                status="behind an indicator",
                person=person,
                record=", ".join(parts),
                field="",
                rule=f"{kri}: {indicators[kri].title}" if kri in indicators else kri,
                first_seen=first_on,
                age_days=age_days,
                what_to_do=indicators[kri].bad_event if kri in indicators else "",
                handle=call("quality.counted_unit", f"{kri}|{unit}"),
            )
        )
    return lines


def _line(query: dict[str, Any], site: Site, call: HandleOf) -> Line:
    person = query["subject_id"] or ""
    return Line(
        query=query["query_id"],
        severity=query["severity"],
        status=STATUS_WORDS[query["status"]],
        person=person,
        record=_record(query["record_key"] or "", person),
        field=_field(query, site),
        rule=query["rule"].replace("_", " "),
        first_seen=query["opened_on"],
        age_days=query["age_days"],
        what_to_do=query["message"],
        handle=call("quality.data_query", query["query_id"]),
    )


def _record(key: str, person: str) -> str:
    """A record key without the person; a row that has no key by its place."""
    if row := re.fullmatch(r"([^#|]+)(?:#[0-9a-f]{8})?#(\d+)", key):
        return f"row {row[2]} of {row[1]}"
    return ", ".join(part for part in key.split("|") if part and part != person)


def _field(query: dict[str, Any], site: Site) -> str:
    """The file's own name of the column, where the study file says what the site calls it."""
    named = [s.columns for s in site.feeds.get(query["feed"], []) if s.source == query["stream"]]
    column = query["column_name"] or ""
    return named[0].get(column, column) if named else column


def _csv(lines: list[Line]) -> bytes:
    """CSV in UTF-8 with the mark by which spreadsheets know it; no cell of it is run as a formula."""
    names = [*Line._fields]
    return codecs.BOM_UTF8 + render(Answer(names, ["VARCHAR"] * len(names), [*lines]), "csv")
