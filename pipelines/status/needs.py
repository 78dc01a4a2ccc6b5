"""What waits for a person, and what that person does next: the first thing the status says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

State = Mapping[str, Any]
Row = Mapping[str, Any]
# Checks that say what stands among the needs anyway.
_SAID_ELSEWHERE = ("overdue_deliveries", "refused_deliveries", "drift_", "alerts_")


@dataclass(frozen=True)
class Need:
    """What is the matter, and what to do about it."""

    what: str
    do: str


def needs_of(state: State) -> list[Need]:
    """Everything that waits for a person, the most urgent first."""
    kinds = (_night, _alerts, _audit, _held, _checks, _changes, _refused, _late, _queries)
    return [need for kind in kinds for need in kind(state)]


def _night(state: State) -> Iterator[Need]:
    run, late = state["last_run"], state["night_late"]
    if run is None:
        yield Need("No night has run yet", "`ict-trial nightly` takes in what lies in landing/")
    elif run["outcome"] in ("failed", "held_back"):
        said = run["messages"][0] if run["messages"] else f"The last night {_words(run['outcome'])}"
        more = f" (and {len(run['messages']) - 1} more)" if len(run["messages"]) > 1 else ""
        yield Need(f"{said}{more}", "readers see the night before; mend the cause, then `ict-trial nightly`")
    if late:
        yield Need(
            f"No night since {_moment(late['last'])}; the next was due {_moment(late['due'])}",
            "`ict-trial nightly` now, and see why the schedule did not run",
        )


def _alerts(state: State) -> Iterator[Need]:
    rows = state["alerts"]
    if not rows:
        return
    waiting, late = (sum(row[name] for row in rows) for name in ("n_waiting", "n_overdue"))
    too_late = f", {late} too late" if late else ""
    yield Need(f"{_n(waiting, 'safety alert')} unacknowledged{too_late} ({_sites(rows)})", "`ict-trial alerts list`")


def _audit(state: State) -> Iterator[Need]:
    audit = state["audit"]
    if audit is None:
        return
    unexplained = [night for night in audit["rechained"] if not night["reasons"]]
    if unexplained or audit["broken_line"] is not None:
        yield Need(
            "The audit trail does not continue that of an earlier night, and nothing explains it",
            "ask who has had access to store/ and published/",
        )


def _held(state: State) -> Iterator[Need]:
    for row in state["refused"]:
        if row["status"] == "held":
            why = (row["reason"] or "").partition(";")[0].partition(",")[0]
            yield Need(
                f"Held: {row['site_id']}/{row['feed']}" + f", {why}" * bool(why),
                f"`ict-trial deliveries accept` (or `refuse`) `{row['delivery_id']}`",
            )


def _checks(state: State) -> Iterator[Need]:
    for status, what in (("BROKEN", "broke and judged nothing"), ("ACTION", "failed")):
        rows = [row for row in state["checks"] if row["status"] == status and not _is_said_elsewhere(row)]
        names = list(dict.fromkeys(row["check_name"] for row in rows))
        if names:
            yield Need(f"{_n(len(names), 'critical check')} {what} ({_sites(rows)})", f"see {_listed(names)} below")


def _is_said_elsewhere(row: Row) -> bool:
    return str(row["check_name"]).startswith(_SAID_ELSEWHERE)


def _changes(state: State) -> Iterator[Need]:
    critical = [row for row in state["drift"] if row["severity"] == "critical"]
    if critical:
        streams = {(row["site_id"], row["feed"], row["stream"]) for row in critical}
        yield Need(
            f"{_n(len(critical), 'column')} of {_n(len(streams), 'export')} gone or shifted ({_sites(critical)})",
            "ask the site before anybody uses these data",
        )


def _refused(state: State) -> Iterator[Need]:
    rows = [row for row in state["refused"] if row["status"] == "rejected"]
    if rows:
        yield Need(
            f"{_n(len(rows), 'file')} refused and not made good ({_sites(rows)})", "ask for them again, see below"
        )


def _late(state: State) -> Iterator[Need]:
    rows = state["overdue_deliveries"]
    if rows:
        yield Need(f"{_n(len(rows), 'source')} silent for too long ({_sites(rows)})", "ask whether the export failed")


def _queries(state: State) -> Iterator[Need]:
    rows = [row for row in state["data_queries"] or () if row["severity"] == "critical"]
    if rows:
        n = sum(row["n_open"] for row in rows)
        yield Need(f"{_n(n, 'critical data quer', 'y', 'ies')} open ({_sites(rows)})", "`ict-trial queries list`")


def _sites(rows: Iterable[Row]) -> str:
    return _listed(sorted({row["site_id"] for row in rows}))


def _listed(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _n(n: int, noun: str, one: str = "", many: str = "s") -> str:
    return f"{n:,} {noun}{one if n == 1 else many}"


def _moment(iso: str) -> str:
    return iso[:16].replace("T", " ")


def _words(code: str) -> str:
    return code.replace("_", " ")
