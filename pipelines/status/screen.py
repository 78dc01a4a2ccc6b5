"""The status as one screen of text: at most 100 columns wide, and as clear without colour as with it.

First whether a person must act, and on what; then one line a site; then the longest lists, cut short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

WIDTH = 100
NEEDS = 6  # things to do that are shown; the JSON has them all
SHOWN = 3  # entries a list
LONGEST = 32  # characters of a cell that are kept, but of the last in its line
ORDER = ("BROKEN", "NO_DATA", "ACTION", "WATCH", "TOO_FEW", "NOT_APPLICABLE", "OK")
TO_LOOK_AT = ("BROKEN", "ACTION", "WATCH")
State = Mapping[str, Any]
Row = Mapping[str, Any]


def render_status(state: State, console: Console) -> None:
    """Print what `pipelines.status.status` found."""
    _needs(state, console)
    _heading(state, console)
    _sites(state, console)
    _refused(state, console)
    _lying(state, console)
    _quarantine(state, console)
    _changes(state, console)
    _checks(state, console)


def _needs(state: State, console: Console) -> None:
    needs = state["needs"]
    if not needs:
        _bold(console, "Nothing waits for a person.")
        return
    _bold(console, f"A person must act: {len(needs)} {'things wait' if len(needs) > 1 else 'thing waits'}.")
    for number, need in enumerate(needs[:NEEDS], start=1):
        whole = f"{number:>2}  {need['what']}: {need['do']}"
        if len(whole) <= _width(console):
            _line(console, whole)
        else:
            _line(console, f"{number:>2}  {need['what']}")
            _dim(console, need["do"])
    _more(console, len(needs) - NEEDS)
    console.print()


def _heading(state: State, console: Console) -> None:
    run, snapshot, audit = state["last_run"], state["snapshot"], state["audit"]
    if run is None:
        _line(console, "Night     none yet")
    else:
        ended = f", ended {_moment(run['finished_at'])[11:]}" if run["finished_at"] else ", not ended"
        _line(console, f"Night     {_moment(run['started_at'])}{ended}: {_words(run['outcome'])}")
    if snapshot is None:
        _line(console, f"Snapshot  {state['note'] or 'nothing is published yet'}")
    else:
        _line(console, f"Snapshot  {snapshot['snapshot_id']}, as of {snapshot['as_of']}")
    if audit is not None:
        _audit(audit, console)
    if snapshot is not None:
        _line(console, f"Came in   {_received(state)}")


def _audit(audit: State, console: Console) -> None:
    """How long the trail is, and the nights whose trail is no longer its beginning, with why."""
    nights = "1 night" if audit["n_nights"] == 1 else f"{audit['n_nights']:,} nights"
    broken, rechained = audit["broken_line"], audit["rechained"]
    whole = "; the chain is whole" if broken is None and not rechained else ""
    _line(console, f"Audit     {audit['n_rows']:,} changes in {nights}{whole}")
    if broken is not None:
        _dim(console, f"line {broken} of the ledger of nights does not follow from the one before")
    for night in rechained[-SHOWN:]:
        why = "; ".join(night["reasons"]) or "nothing explains it"
        _dim(console, f"the night {night['snapshot_id']} had another trail: {why}")


def _received(state: State) -> str:
    rows = state["received"]
    since = len(state["received_not_published"])
    later = f"; {since} files since, for the next night" if since else ""
    if not rows:
        return f"nothing in the last night{later}"
    of = {name: sum(row[name] for row in rows) for name in rows[0] if name.startswith("n_")}
    files = ((of["n_rejected"], "rejected"), (of["n_held"], "held"), (of["n_repeat"], "repeated"))
    few = ", ".join(f"{n} {word}" for n, word in files if n)
    return f"{of['n_files']} files{f' ({few})' if few else ''}, {of['n_rows']:,} rows{later}"


# Of each site what came in and does not count, what is owed, what changed, what is asked, what was found.
_COLUMNS = (
    ("files", "n_files"),
    ("refused", "n_refused"),
    ("aside", "n_set_aside"),
    ("late", "n_late_deliveries"),
    ("forms", "n_overdue_forms"),
    ("weekly", "n_overdue_weekly"),
    ("changed", "n_changes"),
)


def _sites(state: State, console: Console) -> None:
    """A line for every site of which there is anything to say; noughts are left blank.

    late, forms, weekly: sources, visit forms and weekly forms that are overdue; changed: columns of its exports.
    """
    busy = [row for row in state["sites"] if any(v for k, v in row.items() if k.startswith("n_"))]
    heads = ["site", *(head for head, _ in _COLUMNS), "queries", "checks"]
    lines = [
        [row["site_id"], *(f"{row[name]:,}" if row[name] else "" for _, name in _COLUMNS), _asked(row), _worst(row)]
        for row in busy
    ]
    if lines:
        _title(console, "Sites: files in, refused, rows set aside, overdue sources (late), forms, weekly")
        _table(console, [heads, *lines], right=range(1, len(heads) - 1), shown=len(lines) + 1, gap=" ")
    quiet = len(state["sites"]) - len(busy)
    if quiet:
        _line(console, f"of {quiet} {'site' if quiet == 1 else 'sites'} there is nothing to say")


def _asked(row: Row) -> str:
    critical = f" ({row['n_critical_queries']}!)" if row["n_critical_queries"] else ""
    return f"{row['n_queries']:,}{critical}" if row["n_queries"] else ""


def _worst(row: Row) -> str:
    return "" if row["worst_check"] == "OK" else f"{row['n_worst_checks']} {_words(row['worst_check'])}"


def _refused(state: State, console: Console) -> None:
    entries = [
        (f"{row['status']:<8}  {row['site_id']}/{row['feed']}/{row['file_name']}", row["reason"] or "")
        for row in state["refused"]
    ]
    _entries(console, "Files that do not count", entries)


def _lying(state: State, console: Console) -> None:
    waiting = [(f"waiting    {path}", why) for path, why in state["waiting"].items()]
    left = [(f"not taken  {path}", why) for path, why in state["not_taken"].items()]
    _entries(console, "Still lying in landing/", [*left, *waiting])


def _quarantine(state: State, console: Console) -> None:
    """By rule, with where most of them are."""
    rules = [(sum(row["n_rows"] for row in rows), rule, rows) for (rule,), rows in _by(state["quarantine"], "rule")]
    rules.sort(key=lambda found: (-found[0], found[1]))
    lines = [[f"{n:,}", rule, ", ".join(_where(row) for row in rows)] for n, rule, rows in rules]
    if lines:
        _title(console, "Rows set aside, by rule")
    _table(console, lines, right=[0], shown=4)


def _where(row: Row) -> str:
    column = f" {row['column_name']}" if row["column_name"] else ""
    return f"{row['site_id']}/{row['feed']}{column} {row['n_rows']:,}"


def _changes(state: State, console: Console) -> None:
    """Exports that are not what they were, by stream and kind of change."""
    names = ("severity", "site_id", "feed", "stream", "change")
    lines = []
    for (severity, site_id, feed, stream, change), rows in _by(state["drift"], *names):
        names_of = ", ".join(row["column_name"] for row in rows)
        values = f": {rows[0]['was']} → {rows[0]['became']}" if len(rows) == 1 and change not in ("gone", "new") else ""
        lines.append([severity, _words(change), f"{site_id}/{feed}", f"{names_of}{values} ({stream})"])
    if lines:
        _title(console, "Exports that have changed")
    _table(console, lines)


def _checks(state: State, console: Console) -> None:
    counts = state["check_counts"]
    if not counts:
        return
    _title(console, "Checks: " + ", ".join(f"{counts[s]} {_words(s)}" for s in ORDER if s in counts))
    failing = [row for row in state["checks"] if row["status"] in TO_LOOK_AT]
    lines = [
        [_words(status), check, ", ".join(_failing(row) for row in rows)]
        for (status, check), rows in _by(failing, "status", "check_name")
    ]
    _table(console, lines, shown=4)
    old = Counter(row["site_id"] for row in state["checks"] if row["status"] == "NO_DATA")
    if old:
        _line(console, "without the data due: " + ", ".join(f"{site} {n}" for site, n in sorted(old.items())))


def _failing(row: Row) -> str:
    return f"{row['site_id']} {row['n_failed']:,}/{row['n_checked']:,}"


def _by(rows: Iterable[Row], *names: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Rows that agree in `names`, together, in the order in which they first come."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return list(groups.items())


def _entries(console: Console, title: str, entries: Sequence[tuple[str, str]]) -> None:
    """A title and at most SHOWN entries of a line and, below it, what it means; nothing without entries."""
    if not entries:
        return
    _title(console, title)
    for what, meaning in entries[:SHOWN]:
        _line(console, what)
        _dim(console, meaning)
    _more(console, len(entries) - SHOWN)


def _table(
    console: Console, lines: Sequence[Sequence[str]], right: Iterable[int] = (), shown: int = SHOWN, gap: str = "  "
) -> None:
    """At most `shown` lines, their cells below each other; a line that is too long gives way at its end."""
    cells = [[*(_cut(_safe(cell), LONGEST) for cell in line[:-1]), _safe(line[-1])] for line in lines[:shown]]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = [
            " " * (width - cell_len(cell)) + cell if i in right else set_cell_size(cell, width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        _line(console, gap.join(padded).rstrip())
    _more(console, len(lines) - shown)


def _more(console: Console, n: int) -> None:
    if n > 0:
        _line(console, f"… and {n} more; `ict-trial status --json` has them all")


def _title(console: Console, title: str) -> None:
    console.print()
    _bold(console, title)


def _bold(console: Console, text: str) -> None:
    _line(console, text, "bold")


def _dim(console: Console, text: str) -> None:
    _line(console, f"    {text}", "dim")


def _line(console: Console, text: str, style: str = "") -> None:
    """One line of the screen, cut where it ends."""
    line = Text(_safe(text), style=style, no_wrap=True)
    line.truncate(_width(console), overflow="ellipsis")
    console.print(line, width=_width(console))


def _width(console: Console) -> int:
    return min(console.width, WIDTH)


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
