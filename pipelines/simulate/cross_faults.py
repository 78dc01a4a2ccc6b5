"""Mistakes that no row shows by itself, only records held against each other; each planted with the data query that
must ask about it (`expected.query`: its rule and whose or which record)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from pipelines.simulate.drops import Drop
from pipelines.simulate.scene import (
    Row,
    Scene,
    append,
    encoded,
    file_column,
    happened,
    page_view,
    record,
    rows_where,
    set_cell,
)

STRANGER = "ZZ-999"  # a person whom no site ever listed


def unknown_subjects(scene: Scene) -> None:
    """Records of a person whom no site listed: accepted, and never analysed."""
    for drop in scene.increments("usage")[1:2]:
        events = [page_view(drop, f"ev-stranger-{i}", f"{drop.up_to}T08:0{i}:00Z") for i in range(3)]
        rows = append(drop, [encoded(drop, event | {"subject_id": STRANGER}) for event in events])
        _stranger(scene, drop, rows, "unknown_subject_usage", "analysis and engagement")
    for drop in scene.of("questionnaires", house=True)[1:2]:
        sound = [row for row in range(1, drop.cells.height + 1) if row not in {r for r, _ in drop.expected.quarantine}]
        rows = append(drop, [record(drop, row) | {"subject_id": STRANGER} for row in sound[:3]])
        _stranger(scene, drop, rows, "unknown_subject_weekly_forms", "analysis.adqs")
    for drop in scene.of("allocation")[-1:]:
        arm = scene.protocol.study.arms[0].arm
        row: Row = {"subject_id": STRANGER, "arm": arm, "randomised_on": str(drop.up_to)}
        _stranger(scene, drop, append(drop, [encoded(drop, row)]), "unknown_subject_allocation", "analysis.adsl")
    for drop in scene.increments("contacts")[-1:]:
        row = _contact(STRANGER, "c-stranger", drop.up_to)
        _stranger(scene, drop, append(drop, [encoded(drop, row)]), "unknown_subject_contacts", "engagement")
    for drop in scene.of("adverse_events")[-1:]:
        row = _adverse_event(STRANGER, "ae-stranger", drop.up_to)
        _stranger(scene, drop, append(drop, [encoded(drop, row)]), "unknown_subject_adverse_events", "analysis")


def adverse_events_that_cannot_be(scene: Scene) -> None:
    """Reported before it began; serious and reported late; fatal and not serious."""
    for drop in scene.of("adverse_events")[-1:]:
        wrong: dict[str, Row] = {
            "reported_before_onset": {
                "onset_date": str(drop.up_to),
                "reported_on": str(drop.up_to - timedelta(days=2)),
            },
            "serious_event_reported_late": {"serious": "Y", "onset_date": str(drop.up_to - timedelta(days=30))},
            "fatal_not_serious": {"severity": "5"},
        }
        for rule, changed in wrong.items():
            subject = scene.choose(drop.site, _going_on(scene, drop.site))
            if subject is None:
                return
            row = {**_adverse_event(subject, f"ae-{rule}", drop.up_to), **changed}
            _recorded(scene, drop, row)
            _ask(scene, "implausible_event", drop, append(drop, [encoded(drop, row)]), rule, f"ae-{rule}")


def contact_after_the_end(scene: Scene) -> None:
    """A call with somebody who left the trial a month before."""
    for drop in scene.increments("contacts")[-1:]:
        gone = scene.state.participants.filter(
            pl.col("site") == drop.site,
            pl.col("status").is_in(["withdrawn", "completed"]),
            pl.col("status_date") < drop.up_to - timedelta(days=30),
        )
        subject = scene.choose(drop.site, gone["subject_id"])
        if subject is not None:
            row = _contact(subject, "c-after-the-end", drop.up_to)
            _ask(
                scene, "after_the_end", drop, append(drop, [encoded(drop, row)]), "contact_after_end", "c-after-the-end"
            )


def consent_entered_too_late(scene: Scene) -> None:
    """A date of consent after randomisation in an early export; the later one has it right, and the query closes."""
    for first, last in list(scene.exports("participants"))[-1:]:
        randomised = scene.state.allocation.filter(
            pl.col("site") == first.site, pl.col("randomised_on") < first.up_to - timedelta(days=10)
        )
        subject = scene.choose(first.site, set(randomised["subject_id"]) & set(first.cells.keys["subject_id"]))
        if subject is None:
            return
        on = randomised.filter(subject_id=subject)["randomised_on"][0] + timedelta(days=3)
        shape = first.source.dates.get("consent_date", "%Y-%m-%d") if first.source else "%Y-%m-%d"
        rows = rows_where(first, subject_id=subject)
        for row in rows:
            set_cell(first, row, file_column(first, "consent_date"), on.strftime(str(shape)))
        _ask(scene, "late_consent", first, rows, "allocation_without_consent", subject, closed_by=last.file_name)


def use_without_access(scene: Scene) -> None:
    """Somebody whose arm is not given the programme looks at a page of it."""
    closed = [arm.arm for arm in scene.protocol.study.arms if not arm.programme_access]
    for drop in scene.increments("usage")[-1:]:
        others = scene.state.allocation.filter(
            pl.col("arm").is_in(closed), pl.col("randomised_on") < drop.up_to, site=drop.site
        )
        subject = scene.choose(drop.site, set(others["subject_id"]) & _going_on(scene, drop.site))
        if subject is not None:
            event = page_view(drop, "ev-no-access", _noon(drop)) | {"subject_id": subject}
            _use(scene, drop, event, "usage_without_access", subject)


def module_never_opened(scene: Scene) -> None:
    """A module completed by somebody who never opened it."""
    modules = [module.module for module in scene.protocol.study.modules][-1:]
    for drop in scene.increments("usage")[-1:] if modules else []:
        usage = scene.state.usage.filter(pl.col("day") < drop.up_to, site=drop.site)
        users = set(usage.filter(actor="participant")["subject_id"])
        touched = set(scene.state.usage.filter(site=drop.site, module=modules[0])["subject_id"])
        subject = scene.choose(drop.site, (users - touched) & _going_on(scene, drop.site))
        if subject is not None:
            event = page_view(drop, "ev-never-opened", _noon(drop)) | {"subject_id": subject}
            event |= {"event": "module_completed", "module": modules[0]}
            _use(scene, drop, event, "module_completed_before_opened", f"{subject}|{modules[0]}")


def wrong_total(scene: Scene) -> None:
    """A total beside the items that is not their sum."""
    for drop in reversed(scene.of("questionnaires", house=True)):
        for instrument in scene.protocol.instruments.values():
            for score in instrument.scores:
                items = set(score.items)
                if score.paramcd not in instrument.totals or items & instrument.reversed_items:
                    continue
                form = _whole_form(scene, drop, instrument.instrument, items)
                if form:
                    low, high = instrument.totals[score.paramcd]
                    total = sum(int(row["value"] or 0) for row in form)
                    wrong = str(total + 1 if total < high else low)
                    rows = append(drop, [form[0] | {"item": score.paramcd, "value": wrong}])
                    _ask(scene, "wrong_total", drop, rows, "total_disagrees", str(form[0]["subject_id"]))
                    return


CROSS_FAULTS: list[Callable[[Scene], None]] = [
    unknown_subjects,
    adverse_events_that_cannot_be,
    contact_after_the_end,
    consent_entered_too_late,
    use_without_access,
    module_never_opened,
    wrong_total,
]


# ---------------------------------------------------------------- helpers


def _stranger(scene: Scene, drop: Drop, rows: list[int], rule: str, absent_from: str) -> None:
    query = {"rule": rule, "about": STRANGER}
    scene.note("unknown_subject", drop, rows, subject_id=STRANGER, absent_from=absent_from, query=query)


def _ask(scene: Scene, kind: str, drop: Drop, rows: list[int], rule: str, about: str, **more: str) -> None:
    """Note a fault that must open a query of `rule` about a record key or, in its beginning, a person."""
    scene.note(kind, drop, rows, query={"rule": rule, "about": about}, **more)


def _use(scene: Scene, drop: Drop, event: dict[str, str | None], rule: str, about: str) -> None:
    """An event of the log, which is part of the truth however odd it is."""
    rows = append(drop, [encoded(drop, event)])
    happened(scene, drop, event, datetime.combine(_day(drop), time(12), UTC))
    _ask(scene, "odd_use", drop, rows, rule, about)


def _day(drop: Drop) -> date:
    """The last whole day that the file tells of."""
    return drop.up_to - timedelta(days=1)


def _noon(drop: Drop) -> str:
    return f"{_day(drop)}T12:00:00Z"


def _contact(subject: str, number: str, on: date) -> Row:
    return {
        "contact_id": number,
        "subject_id": subject,
        "occurred_at": f"{on - timedelta(days=1)}T10:00:00",
        "kind": "call",
        "direction": "to_participant",
        "minutes": "10",
    }


def _adverse_event(subject: str, number: str, on: date) -> Row:
    return {
        "ae_id": number,
        "subject_id": subject,
        "onset_date": str(on - timedelta(days=2)),
        "reported_on": str(on - timedelta(days=1)),
        "term": "Headache",
        "serious": "N",
        "severity": "2",
        "related": "N",
        "outcome": "Recovered",
    }


def _recorded(scene: Scene, drop: Drop, row: Row) -> None:
    """The adverse event is part of the truth."""
    events = scene.state.adverse_events
    typed = pl.DataFrame([{**row, "site": drop.site}]).with_columns(
        pl.col("onset_date", "reported_on").str.to_date(), pl.col("severity").cast(pl.Int64)
    )
    scene.state.adverse_events = pl.concat([events, typed.select(events.columns)])


def _going_on(scene: Scene, site: str) -> set[str]:
    """People of the site who have not left the trial."""
    return set(scene.state.participants.filter(site=site, status="randomised")["subject_id"])


def _whole_form(scene: Scene, drop: Drop, instrument: str, items: set[str]) -> list[dict[str, str | None]]:
    """The records of a form in which all `items` are answered with a number, of somebody whom no fault has struck."""
    struck = {row for row, _ in drop.expected.quarantine}
    forms: dict[int, list[dict[str, str | None]]] = {}
    for row, key in enumerate(drop.cells.keys.iter_rows(named=True), start=1):
        said = record(drop, row)
        if said["instrument"] == instrument and said["item"] in items and row not in struck:
            forms.setdefault(key["form"], []).append(said)
    for form in forms.values():
        answered = {row["item"] for row in form if (row["value"] or "").isdigit()}
        if answered == items and len(form) == len(items) and scene.choose(drop.site, [str(form[0]["subject_id"])]):
            return form
    return []
