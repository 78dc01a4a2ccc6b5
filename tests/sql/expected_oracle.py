"""The states of what is expected once more, slowly and in plain Python, from the rules and not from the SQL.

For trials without later epochs, of one stream a feed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any

from pipelines.study.study import Study, Visit
from tests.sql.oracle import current
from tests.sql.trial import Trial

Slot = tuple[str, str, str, int]  # usubjid, instrument, visit or weekly label, week
Row = dict[str, Any]


def states(trial: Trial) -> dict[Slot, tuple[str, dict[str, str]]]:
    """Every planned form with its state and the state of each of its items."""
    forms, unusable = _forms(trial), _unusable(trial)
    found = {}
    for person in _people(trial):
        for slot, opens, closes, absence in _slots(trial, person):
            mine = [form for form in forms if _fits(form, slot, opens, closes, person, trial.protocol.study)]
            gone = [row for row in unusable if _fits(row, slot, opens, closes, person, trial.protocol.study)]
            found[slot] = _judge(trial, slot, closes, absence, mine, gone, person)
    return found


def totals(trial: Trial) -> Counter[str]:
    """Items in each state, over everybody."""
    return Counter(state for _, items in states(trial).values() for state in items.values())


def _people(trial: Trial) -> list[Row]:
    arms = {(r["site_id"], r["subject_id"]): r for r in current(trial, "allocation")}
    found = []
    for row in current(trial, "participants"):
        allocated = arms.get((row["site_id"], row["subject_id"]))
        ended = row["status"] in ("completed", "withdrawn")
        found.append(
            {
                "usubjid": f"{trial.protocol.study.study}-{row['site_id']}-{row['subject_id']}",
                "arm": allocated and allocated["arm"],
                "start": allocated and allocated["randomised_on"],
                "status": row["status"],
                "ended": ended,
                "end": row.get("status_date") if ended else None,
            }
        )
    return found


def _day(start: date | None, study_day: int) -> date | None:
    return start and start + timedelta(study_day - 1 if study_day > 0 else study_day)


def _slots(trial: Trial, person: Row) -> list[tuple[Slot, date | None, date | None, str]]:
    study = trial.protocol.study
    access = {arm.arm for arm in study.arms if arm.programme_access}
    found = []
    for schedule in study.instruments:
        for visit in (v for v in study.visits if v.avisit in schedule.visits):
            asked = person["arm"] is None or visit.arms is None or person["arm"] in visit.arms
            opens, closes = (_day(person["start"], study_day) for study_day in visit.window)
            slot = (person["usubjid"], schedule.instrument, visit.avisit, 0)
            found.append((slot, opens if asked else None, closes if asked else None, asked))
        assert study.treatment is not None
        for week in range(1, study.treatment.weeks + 1 if schedule.weekly else 1):
            opens = person["start"] and person["start"] + timedelta(7 * week - 7)
            closes = opens and opens + timedelta(6)
            asked = person["arm"] is None or person["arm"] in access
            found.append(((person["usubjid"], schedule.instrument, study.weekly.label, week), opens, closes, asked))
    return [(slot, a, b, _absence(person, a, b, asked, trial.as_of)) for slot, a, b, asked in found]


def _absence(person: Row, opens: date | None, closes: date | None, asked: bool, today: date) -> str:
    if not asked or (person["arm"] is None and person["status"] == "screen_failed"):
        return "structurally_absent"
    if person["ended"] and (person["arm"] is None or (person["end"] and closes and person["end"] < closes)):
        return "withdrawn_before_due"
    if opens is None or closes is None or today < opens:
        return "not_due"
    return "overdue" if closes < today else "due"


def _is_weekly(label: str | None, study: Study) -> bool:
    return (label or "").strip().upper() == study.weekly.label.upper()


def _window(day: date | None, person: Row, study: Study) -> Visit | None:
    for visit in study.visits:
        opens, closes = (_day(person["start"], study_day) for study_day in visit.window)
        mine = visit.arms is None or person["arm"] in visit.arms
        if day and opens and closes and mine and opens <= day <= closes:
            return visit
    return None


def _fits(row: Row, slot: Slot, opens: date | None, closes: date | None, person: Row, study: Study) -> bool:
    usubjid, instrument, avisit, week = slot
    if (row["usubjid"], row["instrument"]) != (usubjid, instrument):
        return False
    if week:
        return bool(row["day"] and opens and closes and opens <= row["day"] <= closes)
    if _is_weekly(row["visit"], study):
        return False
    window = _window(row["day"], person, study)
    return bool(window and window.avisit == avisit) or (row["visit"] or "").strip().upper() == avisit.upper()


def _usubjid(trial: Trial, row: Row) -> str:
    return f"{trial.protocol.study.study}-{row['site_id']}-{row['subject_id']}"


def _forms(trial: Trial) -> list[Row]:
    forms: dict[tuple[Any, ...], Row] = {}
    for row in current(trial, "questionnaires"):
        if row["value"] is None:
            continue
        key = (_usubjid(trial, row), row["instrument"], row["visit"], row["completed_at"], row["completed_on"])
        form = forms.setdefault(key, {**dict(zip(("usubjid", "instrument", "visit"), key, strict=False)), "items": {}})
        form["day"] = row["completed_on"]
        form["items"][row["item"]] = row["value"]
    return list(forms.values())


def _unusable(trial: Trial) -> list[Row]:
    """Coded, refused and lost answers, each with its person, instrument, label, day and item."""
    counting = {(r["site_id"], r["record_key"]): r for r in current(trial, "questionnaires")}
    valued = {key for key, row in counting.items() if row["value"] is not None}
    refused = {
        (row["site_id"], row["record_key"])
        for row in trial.rows.get("quarantine", [])
        if row["feed"] == "questionnaires" and row["record_key"] and _stands(trial, row["delivery_id"])
    } - valued
    found = []
    for site, key in refused:
        subject, instrument, visit, completed, item = key.split("|")
        facts = {"site_id": site, "subject_id": subject, "instrument": instrument, "visit": visit or None}
        found.append({**facts, "completed_on": date.fromisoformat(completed), "item": item, "state": "quarantined"})
    for key, row in counting.items():
        if row["value"] is None and row.get("missing_reason") and key not in refused:
            found.append({**row, "state": "coded_missing"})
    weekly = trial.protocol.study
    labels = {
        (_usubjid(trial, r), r["instrument"], (r["visit"] or "").upper())
        for r in counting.values()
        if r["value"] is not None and r["visit"] and not _is_weekly(r["visit"], weekly)
    }
    seen = set()
    for row in [*trial.rows.get("questionnaires", []), *trial.rows.get("refused_answer", [])]:
        key = (row["site_id"], row["record_key"])
        again = (_usubjid(trial, row), row["instrument"], (row["visit"] or "").upper()) in labels
        if row["value"] is not None and key not in counting and key not in refused | seen and not again:
            found.append({**row, "state": "lost"})
            seen.add(key)
    return [{**row, "usubjid": _usubjid(trial, row), "day": row["completed_on"]} for row in found]


def _stands(trial: Trial, delivery_id: str) -> bool:
    mine = next(d for d in trial.deliveries if d["delivery_id"] == delivery_id)
    same = ("site_id", "feed", "stream")
    return not any(
        d["scope"] == "full" and d["sequence"] > mine["sequence"] and all(d[k] == mine[k] for k in same)
        for d in trial.deliveries
    )


def _judge(
    trial: Trial, slot: Slot, closes: date | None, absence: str, forms: list[Row], gone: list[Row], person: Row
) -> tuple[str, dict[str, str]]:
    study = trial.protocol.study
    items = list(trial.protocol.instruments[slot[1]].ranges)
    by_item: dict[str, set[str]] = defaultdict(set)
    for row in gone:
        by_item[row["item"]].add(row["state"])
    kinds = {state for row in gone for state in [row["state"]]}
    if not forms and not kinds:
        return absence, dict.fromkeys(items, absence)
    in_window = any(slot[3] or ((w := _window(f["day"], person, study)) and w.avisit == slot[2]) for f in forms)
    state = next((kind for kind in ("quarantined", "coded_missing", "lost") if kind in kinds), "")
    if forms:
        late = not in_window and closes is not None and min(f["day"] for f in forms) > closes
        state = "received_late" if late else "received"
    found = {}
    for item in items:
        answers = [f["items"][item] for f in forms if item in f["items"]]
        if any(answer != "NA" for answer in answers):
            found[item] = state
        elif answers:
            found[item] = "not_applicable"
        else:
            order = ("quarantined", "coded_missing", "lost")
            found[item] = next((kind for kind in order if kind in by_item[item]), "left_blank")
    return state, found


def alerts_of_items(trial: Trial) -> list[tuple[Any, ...]]:
    """kind, severity, subject, day, label and whether it still is in the data, of every alert from PHQ-9 item 9."""
    counting = {(r["site_id"], r["record_key"]): r for r in current(trial, "questionnaires")}
    found: set[tuple[Any, ...]] = set()
    for row in trial.rows.get("questionnaires", []):
        if (row["instrument"], row["item"]) != ("phq9", "9") or row["value"] in (None, "0", "NA"):
            continue
        now = counting.get((row["site_id"], row["record_key"]))
        severity = "urgent" if int(row["value"]) >= 2 else "flag"
        still = now is not None and now["value"] not in (None, "0") and _severity(now) == severity
        if still or now is None:
            found.add(("item_answer", severity, row["subject_id"], row["completed_on"], row["visit"], still))
    for row in _unusable(trial):
        if (row["instrument"], row["item"], row["state"]) == ("phq9", "9", "quarantined"):
            found.add(("item_hidden", "flag", row["subject_id"], row["completed_on"], row["visit"], True))
    return list(found)


def _severity(row: Row) -> str:
    return "urgent" if int(row["value"]) >= 2 else "flag"
