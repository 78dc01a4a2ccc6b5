"""The published rules once more, slowly and in plain Python: what the SQL must agree with.

Written from the rules (study days, windows, scores, versions, sessions, weeks), not from the SQL. Scores are
exact fractions.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.study.study import Study, Visit
from tests.sql.published_rules import RULES, score
from tests.sql.trial import Trial

Row = dict[str, Any]


# Versions


def current(trial: Trial, feed: str) -> list[Row]:
    """The rows of a feed that count, by the deliveries' sequence."""
    counted = {d["delivery_id"]: d for d in trial.deliveries if d["status"] in ("accepted", "partial")}
    named: dict[tuple[str, str], list[tuple[Row, Row | None]]] = defaultdict(list)
    for row in trial.rows.get(feed, []):
        named[row["site_id"], row["record_key"]].append((counted[row["delivery_id"]], row))
    for row in trial.rows.get("quarantine", []):
        if row["feed"] == feed and row["record_key"] is not None:
            named[row["site_id"], row["record_key"]].append((counted[row["delivery_id"]], None))
    found = [_newest(versions, list(counted.values())) for versions in named.values()]
    return [row for row in found if row is not None]


def _newest(versions: list[tuple[Row, Row | None]], deliveries: list[Row]) -> Row | None:
    best: tuple[int, Row] | None = None
    for stream in {delivery["stream"] for delivery, _ in versions}:
        mine = [(d["sequence"], row) for d, row in versions if d["stream"] == stream]
        site, feed = versions[0][0]["site_id"], versions[0][0]["feed"]
        last_named = max(sequence for sequence, _ in mine)
        withdrawn = any(
            d["sequence"] > last_named and d["scope"] == "full"
            for d in deliveries
            if (d["site_id"], d["feed"], d["stream"]) == (site, feed, stream)
        )
        for sequence, row in mine:
            if row is not None and not withdrawn and (best is None or sequence > best[0]):
                best = sequence, row
    return best[1] if best else None


# People


def people(trial: Trial) -> dict[tuple[str, str], Row]:
    """(site, subject) → arm, reference date, end of study."""
    allocated = {(r["site_id"], r["subject_id"]): r for r in current(trial, "allocation")}
    found = {}
    for row in current(trial, "participants"):
        who = row["site_id"], row["subject_id"]
        allocation = allocated.get(who, {})
        left = row["status"] in ("completed", "withdrawn")
        found[who] = {
            "usubjid": "-".join([trial.protocol.study.study, *who]),
            "arm": allocation.get("arm"),
            "reference": allocation.get("randomised_on"),
            "ended": row.get("status_date") if left else None,
        }
    return found


# Scores


def study_day(day: date, reference: date) -> int:
    return (day - reference).days + 1 if day >= reference else (day - reference).days


def adqs(trial: Trial) -> list[Row]:
    """Every row of analysis.adqs, in key order, with the columns that are reckoned."""
    study = trial.protocol.study
    records = _records(trial)
    for row in records:
        row["avisit"], row["awtdiff"] = _visit(row, records, study)
    by_parameter: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in records:
        by_parameter[row["usubjid"], row["paramcd"]].append(row)
    for rows in by_parameter.values():
        rows.sort(key=lambda row: (row["instant"], row["sequence"], row["row_no"]))
        for aseq, row in enumerate(rows, 1):
            row["aseq"] = aseq
        _baseline(rows)
        _choose(rows)
        _flags(rows, study)
    return sorted(records, key=lambda row: (row["usubjid"], row["paramcd"], row["aseq"]))


def _records(trial: Trial) -> list[Row]:
    sequence = {d["delivery_id"]: d["sequence"] for d in trial.deliveries}
    persons = people(trial)
    forms: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in current(trial, "questionnaires"):
        who = row["site_id"], row["subject_id"]
        if who in persons and row["value"] is not None:
            forms[*who, row["instrument"], row["visit"], row["completed_at"], row["completed_on"]].append(row)
    records = []
    for (site, subject, name, label, instant, day), answers in forms.items():
        person = persons[site, subject]
        zone = ZoneInfo(trial.protocol.study.site_by_id[site].timezone)
        given = {row["item"]: row["value"] for row in answers}
        for paramcd, rule in RULES[name].items():
            if not set(rule.items) & set(given):
                continue
            scored = score(given, rule)
            records.append(
                {
                    **person, "paramcd": paramcd, "instrument": name, "day": day,
                    "instant": instant or datetime.combine(day, time(), tzinfo=zone),
                    "weekly": (label or "").strip().upper() == trial.protocol.study.weekly.label.upper(),
                    "sequence": min(sequence[row["delivery_id"]] for row in answers),
                    "row_no": min(row["row_no"] for row in answers),
                    "ady": study_day(day, person["reference"]) if person["reference"] else None,
                    "aval": scored.value, "nitem": len(rule.items), "nmiss": scored.n_missing,
                    "dtype": "PRORATED" if scored.prorated else None,
                }
            )  # fmt: skip
    return records


def _window(row: Row, study: Study) -> Visit | None:
    for visit in study.visits:
        allowed = visit.arms is None or row["arm"] in visit.arms
        if allowed and row["ady"] is not None and visit.window[0] <= row["ady"] <= visit.window[1]:
            return visit
    return None


def _visit(row: Row, records: list[Row], study: Study) -> tuple[str, int | None]:
    if row["arm"] is None:
        return "SCREENING", None
    visit = _window(row, study)
    if visit is None or (row["weekly"] and not _fills(row, visit, records, study)):
        return "UNSCHEDULED", None
    target = row["reference"] + timedelta(visit.target_day - 1 if visit.target_day > 0 else visit.target_day)
    return visit.avisit, (row["day"] - target).days


def _fills(row: Row, visit: Visit, records: list[Row], study: Study) -> bool:
    due = any(s.instrument == row["instrument"] and visit.avisit in s.visits for s in study.instruments)
    visited = any(
        not other["weekly"]
        and (other["usubjid"], other["instrument"]) == (row["usubjid"], row["instrument"])
        and _window(other, study) == visit
        for other in records
    )
    return study.weekly.fills_visit == "when_missing" and due and not visited


def _baseline(rows: list[Row]) -> None:
    candidates = [
        row
        for row in rows
        if row["avisit"] == "BASELINE" and row["day"] <= row["reference"] and row["aval"] is not None
    ]
    baseline = candidates[-1] if candidates else None
    for row in rows:
        row["ablfl"] = "Y" if row is baseline else None
        row["base"] = baseline["aval"] if baseline else None
        after = baseline is not None and row["aseq"] > baseline["aseq"] and row["aval"] is not None
        row["chg"] = row["aval"] - row["base"] if after else None
        row["pchg"] = 100 * row["chg"] / Fraction(row["base"]) if after and row["base"] != 0 else None


def _choose(rows: list[Row]) -> None:
    for row in rows:
        row["anl01fl"] = row["anl01rsn"] = None
    for avisit in {row["avisit"] for row in rows} - {"SCREENING", "UNSCHEDULED"}:
        values = [row for row in rows if row["avisit"] == avisit and row["aval"] is not None]
        values.sort(key=lambda row: (row["ablfl"] is None, abs(row["awtdiff"]), row["aseq"]))
        if values:
            values[0]["anl01fl"] = "Y"
            weekly = "WEEKLY, " if values[0]["weekly"] else ""
            values[0]["anl01rsn"] = weekly + _reason(values)


def _reason(values: list[Row]) -> str:
    """Why the first of a visit's values was chosen."""
    best, others = values[0], values[1:]
    if best["ablfl"]:
        return "LAST BEFORE START"
    if not others:
        return "ONLY VALUE"
    if abs(best["awtdiff"]) < abs(others[0]["awtdiff"]):
        return "NEAREST"
    return "EARLIER" if best["instant"] < others[0]["instant"] else "FIRST DELIVERED"


def _flags(rows: list[Row], study: Study) -> None:
    """For instruments on which high is worse."""
    outcomes = study.outcomes
    for row in rows:
        named = {
            kind: next((d for d in getattr(outcomes, kind) if d.paramcd == row["paramcd"]), None)
            for kind in ("reliable_change", "caseness", "response", "remission")
        }
        chg, base, aval = row["chg"], row["base"], row["aval"]
        reliable, case = named["reliable_change"], named["caseness"]
        response, remission = named["response"], named["remission"]
        row["relchgfl"] = None
        if reliable and chg is not None:
            better, worse = chg <= -Fraction(reliable.points), chg >= Fraction(reliable.points)
            row["relchgfl"] = "IMPROVED" if better else "DETERIORATED" if worse else "NONE"
        row["casefl"] = "Y" if case and aval is not None and aval >= Fraction(case.value) else None
        fell = chg is not None and base > 0 and response is not None and -100 * chg / base >= Fraction(response.value)
        row["respfl"] = "Y" if fell else None
        remitted = chg is not None and remission is not None and aval <= Fraction(remission.value)
        row["remisfl"] = "Y" if remitted else None


# Use of the programme


def sessions(trial: Trial) -> list[Row]:
    """Every row of engagement.session, in key order."""
    gap = timedelta(minutes=trial.protocol.study.engagement.session_gap_minutes)
    found = []
    for (site, subject), person in sorted(people(trial).items(), key=lambda item: item[1]["usubjid"]):
        events = _own_events(trial, site, subject)
        groups: list[list[Row]] = []
        for event in events:
            if not groups or event["occurred_at"] - groups[-1][-1]["occurred_at"] > gap:
                groups.append([])
            groups[-1].append(event)
        for number, group in enumerate(groups, 1):
            first, last = group[0], group[-1]
            seconds = Fraction(last.get("duration_s") or 0)
            span = _microseconds(last["occurred_at"] - first["occurred_at"])
            found.append(
                {
                    "usubjid": person["usubjid"], "session_no": number,
                    "started_at": first["occurred_at"], "ended_at": last["occurred_at"],
                    "duration_s": Fraction(span, 1_000_000) + seconds, "n_events": len(group),
                    "week_no": _week(first["occurred_on"], person["reference"]),
                    "active_us": sum(_active(group, gap)),
                }
            )  # fmt: skip
    return found


def _own_events(trial: Trial, site: str, subject: str) -> list[Row]:
    events = [
        row
        for row in current(trial, "usage")
        if (row["site_id"], row["subject_id"], row["actor"]) == (site, subject, "participant")
    ]
    return sorted(events, key=lambda row: (row["occurred_at"], row["event_id"]))


def _active(group: list[Row], gap: timedelta) -> list[int]:
    """Microseconds that each event of a session accounts for."""
    limit = _microseconds(gap)
    until_next = [_microseconds(b["occurred_at"] - a["occurred_at"]) for a, b in pairwise(group)]
    stated = round(Fraction(group[-1].get("duration_s") or 0) * 1_000_000)
    return [min(us, limit) for us in [*until_next, stated]]


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _week(day: date, start: date | None) -> int | None:
    return None if start is None else (day - start).days // 7 + 1


def weeks(trial: Trial) -> list[Row]:
    """Every row of engagement.participant_week, in key order."""
    access = {arm.arm for arm in trial.protocol.study.arms if arm.programme_access}
    all_sessions = sessions(trial)
    found = []
    for (site, subject), person in sorted(people(trial).items(), key=lambda item: item[1]["usubjid"]):
        if person["arm"] not in access:
            continue
        start, last = person["reference"], min(trial.as_of, person["ended"] or date.max)
        events = [r for r in current(trial, "usage") if (r["site_id"], r["subject_id"]) == (site, subject)]
        mine = [s for s in all_sessions if s["usubjid"] == person["usubjid"]]
        for week in range(1, (_week(last, start) or 0) + 1):
            week_end = min(start + timedelta(7 * week - 1), last)
            happened = [event for event in events if _week(event["occurred_on"], start) == week]
            row: Row = {"usubjid": person["usubjid"], "week_no": week}
            row |= dict.fromkeys(WEEKLY_COUNTS)
            if happened or _reach(trial, site, "usage") >= week_end:
                row |= _counts(happened, [s for s in mine if s["week_no"] == week])
            found.append(row)
    return found


WEEKLY_COUNTS = (
    "n_sessions", "active_minutes", "n_logins", "n_modules_opened", "n_modules_completed",
    "n_messages_to_therapist", "n_messages_from_therapist",
)  # fmt: skip


def _counts(happened: list[Row], started: list[Row]) -> Row:
    def did(actor: str | None, event: str) -> list[Row]:
        return [row for row in happened if row["event"] == event and actor in (None, row["actor"])]

    def modules(rows: list[Row]) -> int:
        return len({row["module"] for row in rows} - {None})

    return {
        "n_sessions": len(started),
        "active_minutes": Fraction(sum(s["active_us"] for s in started), 60_000_000),
        "n_logins": len(did("participant", "login")),
        "n_modules_opened": modules(did("participant", "module_opened")),
        "n_modules_completed": modules(did(None, "module_completed")),
        "n_messages_to_therapist": len(did("participant", "message_sent")),
        "n_messages_from_therapist": len(did("therapist", "message_sent")),
    }


def _reach(trial: Trial, site: str, feed: str) -> date:
    zone = ZoneInfo(trial.protocol.study.site_by_id[site].timezone)
    counted = [d for d in trial.deliveries if d["status"] in ("accepted", "partial")]
    places = [d["place"] for d in counted if (d["site_id"], d["feed"]) == (site, feed)]
    return max(places).astimezone(zone).date() if places else date.min


def modules(trial: Trial) -> list[Row]:
    """Every row of engagement.module_progress, in key order, with opens and active time."""
    gap = timedelta(minutes=trial.protocol.study.engagement.session_gap_minutes)
    found: dict[tuple[str, str], Row] = {}
    for (site, subject), person in people(trial).items():
        own = _own_events(trial, site, subject)
        for row in current(trial, "usage"):
            if (row["site_id"], row["subject_id"]) == (site, subject) and row["module"] is not None:
                key = person["usubjid"], row["module"]
                entry = found.setdefault(key, {"n_opens": 0, "completed_at": None, "active_us": 0})
                entry["n_opens"] += (row["actor"], row["event"]) == ("participant", "module_opened")
                if row["event"] == "module_completed":
                    entry["completed_at"] = min(entry["completed_at"] or row["occurred_at"], row["occurred_at"])
        for n, event in enumerate(own):
            if event["module"] is None:
                continue
            following = own[n + 1]["occurred_at"] - event["occurred_at"] if n + 1 < len(own) else None
            same_session = following is not None and following <= gap
            spent = _active([event, own[n + 1]], gap)[0] if same_session else _active([event], gap)[0]
            found[person["usubjid"], event["module"]]["active_us"] += spent
    return [{"usubjid": u, "module": m, **values} for (u, m), values in sorted(found.items())]
