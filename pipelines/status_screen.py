"""The status as one screen of text: at most 100 columns wide, and as clear without colour as with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100
SHOWN = 8  # lines a list; the JSON has them all
ORDER = ("BROKEN", "NO_DATA", "ACTION", "WATCH", "TOO_FEW", "NOT_APPLICABLE", "OK")
TO_LOOK_AT = ORDER[:4]
State = Mapping[str, Any]


def render_status(state: State, console: Console) -> None:
    """Print what `pipelines.status.status` found."""
    _heading(state, console)
    _received(state, console)
    _quarantine(state, console)
    _files(state, console)
    _overdue(state, console)
    _checks(state, console)
    _queries(state, console)


def _heading(state: State, console: Console) -> None:
    run, snapshot = state["last_run"], state["snapshot"]
    _line(console, f"Workspace  {state['workspace']}")
    if run is None:
        _line(console, "No night has run yet; `ict-trial nightly` takes in what lies in landing/.")
    else:
        ended = run["finished_at"] or "not finished"
        _line(console, f"Last run   {_moment(run['started_at'])}, ended {_moment(ended)}: {_words(run['outcome'])}")
        for message in run["messages"]:
            _line(console, f"           {message}")
    if snapshot is None:
        _line(console, "Snapshot   nothing is published yet")
        return
    _line(
        console,
        f"Snapshot   {snapshot['snapshot_id']}, as of {snapshot['as_of']}, built {_moment(snapshot['built_at'])}",
    )
    _line(console, f"           tables {snapshot['tables_digest']}")


def _received(state: State, console: Console) -> None:
    numbers = ("n_files", "n_rows", "n_accepted", "n_quarantined", "n_duplicate")
    heads = ("files", "rows", "accepted", "quarantined", "duplicate")
    lines = [
        [row["site_id"], row["feed"], *(f"{row[n]:,}" for n in numbers), _refusals(row)] for row in state["received"]
    ]
    if state["snapshot"] is not None and not lines:
        _title(console, "Came in last night: nothing new")
    _table(console, "Came in last night", ["site", "feed", *heads, "of the files"], lines, right=range(2, 7), shown=24)
    if state["snapshot"] is not None and state["received_not_published"]:
        _line(console, f"{len(state['received_not_published'])} files have come in since and await the next night.")


def _refusals(row: Mapping[str, Any]) -> str:
    counts = ((row["n_rejected"], "rejected"), (row["n_held"], "held"), (row["n_repeat"], "repeated"))
    return ", ".join(f"{n} {word}" for n, word in counts if n)


def _quarantine(state: State, console: Console) -> None:
    lines = [
        [row["site_id"], row["feed"], f"{row['n_rows']:,}", row["rule"], row["column_name"] or "(row)", row["message"]]
        for row in state["quarantine"]
    ]
    _table(console, "Rows set aside", ["site", "feed", "rows", "rule", "column", "what to do"], lines, right=[2])


def _files(state: State, console: Console) -> None:
    refused = [[f"{r['site_id']}/{r['feed']}/{r['file_name']}", r["status"], r["reason"]] for r in state["refused"]]
    _table(console, "Refused files", ["file", "", "why"], refused)
    lying = [[path, "waiting", why] for path, why in state["waiting"].items()]
    lying += [[path, "not taken", why] for path, why in state["not_taken"].items()]
    _table(console, "Still lying in landing/", ["file", "", "why"], lying)


def _overdue(state: State, console: Console) -> None:
    late = [
        [r["site_id"], r["feed"], r["stream"], r["last_on"] or "never", f"every {r['expected_every_days']} days"]
        for r in state["overdue_deliveries"]
    ]
    _table(console, "Sites that should have sent", ["site", "feed", "source", "last came", "expected"], late)
    owed = [
        [r["site_id"], r["avisit"], r["instrument"], f"{r['n_overdue']:,} of {r['n_expected']:,}"]
        for r in state["overdue_visits"]
    ]
    _table(console, "Forms overdue", ["site", "visit", "form", "overdue"], owed, right=[3])


def _checks(state: State, console: Console) -> None:
    counts = state["check_counts"]
    if not counts:
        return
    _title(console, "Checks: " + ", ".join(f"{counts[s]} {_words(s)}" for s in ORDER if s in counts))
    lines = [
        [row["status"], row["check_name"], row["site_id"], f"{row['n_failed']:,}/{row['n_checked']:,}", row["message"]]
        for row in state["checks"]
        if row["status"] in TO_LOOK_AT
    ]
    _table(console, None, ["status", "check", "site", "fail", "what it means, what to do"], lines, right=[3])


def _queries(state: State, console: Console) -> None:
    if state["data_queries"] is None:
        return
    lines = [
        [r["site_id"], r["severity"], f"{r['n_open']:,}", f"{r['oldest_days']} days"] for r in state["data_queries"]
    ]
    _table(console, "Open data queries", ["site", "severity", "open", "oldest"], lines, right=[2, 3])


def _table(
    console: Console,
    title: str | None,
    heads: Sequence[str],
    lines: Sequence[Sequence[str | None]],
    right: Iterable[int] = (),
    shown: int = SHOWN,
) -> None:
    """A table of at most `shown` lines, its last column cut to one line; nothing at all without lines."""
    if not lines:
        return
    if title:
        _title(console, title)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for i, head in enumerate(heads):
        last = i == len(heads) - 1
        table.add_column(
            head,
            justify="right" if i in right else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if last else None,
        )
    for line in lines[:shown]:
        table.add_row(*(Text(_safe(cell or "")) for cell in line))
    console.print(table, width=min(console.width, WIDTH))
    if len(lines) > shown:
        _line(console, f"… and {len(lines) - shown} more; `ict-trial status --json` has them all")


def _title(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"), width=min(console.width, WIDTH))


def _line(console: Console, text: str) -> None:
    console.print(Text(_safe(text)), width=min(console.width, WIDTH))


def _safe(text: str) -> str:
    """File names come from outside and may hold what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _moment(iso: str) -> str:
    """`2026-03-01T02:00:00.123+00:00` → `2026-03-01 02:00`."""
    return iso[:16].replace("T", " ") if iso[:4].isdigit() else iso


def _words(code: str) -> str:
    return code.replace("_", " ")
