"""The status as one screen of text: at most 100 columns wide, and as clear without colour as with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from textwrap import shorten, wrap
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100
SHOWN = 4  # entries a section; the JSON has them all
LONGEST = 24  # characters of a cell that are kept on a narrow screen
INDENT = "    "
ORDER = ("BROKEN", "NO_DATA", "ACTION", "WATCH", "TOO_FEW", "NOT_APPLICABLE", "OK")
TO_LOOK_AT = ("BROKEN", "ACTION", "WATCH")
State = Mapping[str, Any]
Entry = tuple[str, str]  # what, and what it means or what to do


def render_status(state: State, console: Console) -> None:
    """Print what `pipelines.status.status` found."""
    _heading(state, console)
    _alerts(state, console)
    _received(state, console)
    _refused(state, console)
    _lying(state, console)
    _quarantine(state, console)
    _overdue(state, console)
    _checks(state, console)
    _queries(state, console)


def _heading(state: State, console: Console) -> None:
    run, snapshot = state["last_run"], state["snapshot"]
    _line(console, f"Workspace  {state['workspace']}")
    if run is None:
        _line(console, "Last run   No night has run yet; `ict-trial nightly` takes in what lies in landing/.")
    else:
        ended = f"ended {_moment(run['finished_at'])}" if run["finished_at"] else "not ended"
        _line(console, f"Last run   {_moment(run['started_at'])}, {ended}: {_words(run['outcome'])}")
        for message in run["messages"]:
            _line(console, f"           {message}")
    if snapshot is None:
        _line(console, f"Snapshot   {state['note'] or 'nothing is published yet'}")
        return
    as_of, built = snapshot["as_of"], _moment(snapshot["built_at"])
    _line(console, f"Snapshot   {snapshot['snapshot_id']}, as of {as_of}, built {built}")
    _line(console, f"Tables     {snapshot['tables_digest']}")
    if state["audit"] is not None:
        _audit(state["audit"], console)


def _audit(audit: State, console: Console) -> None:
    """The head of the audit trail, and the nights whose trail is no longer its beginning."""
    _line(
        console,
        f"Audit      {audit['n_rows']:,} changes, the last {audit['head'][:16]}…, in {audit['n_nights']:,} nights",
    )
    if audit["broken_line"] is not None:
        _line(
            console,
            f"           line {audit['broken_line']} of the ledger of nights does not follow from the one before",
        )
    for night in audit["rechained"][-SHOWN:]:
        why = "; ".join(night["reasons"]) or "nothing explains it: ask who has had access"
        for part in wrap(f"the night {night['snapshot_id']} had another trail: {why}", WIDTH - 11):
            _line(console, f"           {part}")


def _alerts(state: State, console: Console) -> None:
    lines = [
        [r["site_id"], r["severity"], f"{r['n_waiting']:,}", f"{r['n_overdue']:,}", r["oldest_on"]]
        for r in state["alerts"]
    ]
    if lines:
        _title(console, "Safety alerts that nobody has acknowledged; `ict-trial alerts list` names them")
    _table(console, ["site", "severity", "waiting", "too late", "oldest"], lines, right=[2, 3])


def _received(state: State, console: Console) -> None:
    if state["snapshot"] is None:
        return
    numbers = ("n_rows", "n_accepted", "n_quarantined", "n_duplicate")
    heads = ["site", "feed", "rows", "accepted", "quarantined", "duplicate", "files"]
    lines = [[row["site_id"], row["feed"], *(f"{row[n]:,}" for n in numbers), _files(row)] for row in state["received"]]
    _title(console, "Came in last night" if lines else "Came in last night: nothing")
    _table(console, heads, lines, right=range(2, 6), shown=24)
    if state["received_not_published"]:
        _line(console, f"{len(state['received_not_published'])} files have come in since; the next night takes them.")


def _files(row: Mapping[str, Any]) -> str:
    counts = ((row["n_rejected"], "rejected"), (row["n_held"], "held"), (row["n_repeat"], "repeated"))
    return ", ".join([str(row["n_files"]), *(f"{n} {word}" for n, word in counts if n)])


def _refused(state: State, console: Console) -> None:
    _entries(
        console,
        "Refused files",
        [(f"{r['site_id']}/{r['feed']}/{r['file_name']}  {r['status']}", r["reason"] or "") for r in state["refused"]],
    )


def _lying(state: State, console: Console) -> None:
    waiting = [(f"{path}  waiting", why) for path, why in state["waiting"].items()]
    left = [(f"{path}  not taken", why) for path, why in state["not_taken"].items()]
    _entries(console, "Still lying in landing/", [*left, *waiting])


def _quarantine(state: State, console: Console) -> None:
    _entries(
        console,
        "Rows set aside",
        [
            (
                f"{row['n_rows']:,}  {row['site_id']}/{row['feed']}  {row['rule']}  {row['column_name']}",
                row["message"],
            )
            for row in state["quarantine"]
        ],
    )


def _overdue(state: State, console: Console) -> None:
    late = [
        [r["site_id"], r["feed"], r["stream"], r["last_on"] or "never", f"every {r['expected_every_days']} days"]
        for r in state["overdue_deliveries"]
    ]
    if late:
        _title(console, "Sites that should have sent")
    _table(console, ["site", "feed", "source", "last came", "expected"], late)
    visits = [
        (sum(r["n_overdue"] for r in rows), *key, rows)
        for key, rows in _by(state["overdue_visits"], "site_id", "avisit")
    ]
    visits.sort(key=lambda visit: -visit[0])
    owed = [[site, avisit, f"{n:,}", _forms(rows)] for n, site, avisit, rows in visits]
    if owed:
        _title(console, "Forms overdue")
    _table(console, ["site", "visit", "forms", "which, of how many expected"], owed, right=[2])


def _forms(rows: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{r['instrument']} {r['n_overdue']:,}/{r['n_expected']:,}" for r in rows)


def _checks(state: State, console: Console) -> None:
    counts = state["check_counts"]
    if not counts:
        return
    title = "Checks: " + ", ".join(f"{counts[s]} {_words(s)}" for s in ORDER if s in counts)
    failing = [row for row in state["checks"] if row["status"] in TO_LOOK_AT]
    entries = [
        (f"{status}  {check}  " + ", ".join(_failing(row) for row in rows), rows[0]["message"])
        for (status, check), rows in _by(failing, "status", "check_name")
    ]
    _entries(console, title, entries, always=True)
    old = Counter(row["site_id"] for row in state["checks"] if row["status"] == "NO_DATA")
    if old:
        _line(console, "Checks without the data due: " + ", ".join(f"{site} {n}" for site, n in sorted(old.items())))


def _failing(row: Mapping[str, Any]) -> str:
    return f"{row['site_id']} {row['n_failed']:,}/{row['n_checked']:,}"


def _queries(state: State, console: Console) -> None:
    if not state["data_queries"]:
        return
    _title(console, "Open data queries")
    lines = [
        [r["site_id"], r["severity"], f"{r['n_open']:,}", f"{r['oldest_days']} days"] for r in state["data_queries"]
    ]
    _table(console, ["site", "severity", "open", "oldest"], lines, right=[2, 3])


def _by(rows: Iterable[Mapping[str, Any]], *names: str) -> list[tuple[tuple[Any, ...], list[Mapping[str, Any]]]]:
    """Rows that agree in `names`, together, in the order in which they first come."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return list(groups.items())


def _entries(console: Console, title: str, entries: Sequence[Entry], always: bool = False) -> None:
    """A title and at most SHOWN entries of a line and, below it, what it means; nothing without entries."""
    if not entries and not always:
        return
    _title(console, title)
    width = min(console.width, WIDTH)
    for what, meaning in entries[:SHOWN]:
        _line(console, "  " + _cut(what, width - 2))
        for line in wrap(shorten(_safe(meaning), 260, placeholder=" …"), width - len(INDENT)):
            console.print(Text(INDENT + line, style="dim"), width=WIDTH)
    _more(console, len(entries) - SHOWN)


def _table(
    console: Console,
    heads: Sequence[str],
    lines: Sequence[Sequence[str]],
    right: Iterable[int] = (),
    shown: int = SHOWN,
) -> None:
    """At most `shown` lines; nothing at all without lines. Only the last column gives way on a narrow screen."""
    if not lines:
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    for i, head in enumerate(heads):
        widest = max(len(head), *(len(line[i]) for line in lines[:shown])) if i < len(heads) - 1 else 0
        justify: Literal["right", "left"] = "right" if i in right else "left"
        table.add_column(head, justify=justify, no_wrap=True, overflow="ellipsis", min_width=min(widest, LONGEST))
    for line in lines[:shown]:
        table.add_row(*(Text(_safe(cell)) for cell in line))
    console.print(table, width=WIDTH)
    _more(console, len(lines) - shown)


def _more(console: Console, n: int) -> None:
    if n > 0:
        _line(console, f"  … and {n} more; `ict-trial status --json` has them all")


def _title(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"), width=WIDTH)


def _line(console: Console, text: str) -> None:
    console.print(Text(_safe(text)), width=WIDTH)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _safe(text: str) -> str:
    """File names come from outside and may hold what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _moment(iso: str) -> str:
    """`2026-03-01T02:00:00.123+00:00` → `2026-03-01 02:00`."""
    return iso[:16].replace("T", " ")


def _words(code: str) -> str:
    return code.replace("_", " ")
