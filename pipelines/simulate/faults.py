"""The mistakes that real sites make, each planted with its expected ending."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatch

import polars as pl

from pipelines.simulate.cross_faults import CROSS_FAULTS, STRANGER
from pipelines.simulate.drops import Drop, Expected
from pipelines.simulate.export import Cells
from pipelines.simulate.people import status_on
from pipelines.simulate.scene import (
    Row,
    Scene,
    append,
    append_line,
    cell,
    clock_changes,
    encoded,
    file_column,
    happened,
    item_column,
    page_view,
    record,
    rows_where,
    set_cell,
)

PRIVATE_MAIL = "jane.q.doe@example.org"
GARBAGE = b"$FL2" + bytes(range(256)) * 4


def plant(scene: Scene) -> None:
    """Every kind of fault that the study's formats have room for; what lacks the data for it is left out."""
    for fault in FAULTS:
        fault(scene)


# ---------------------------------------------------------------- wrong values


def wrong_code_of_a_person(scene: Scene) -> None:
    """A sex that no code list knows, in every export: the person waits outside the analysis."""
    for first, last in list(scene.exports("participants"))[:2]:
        column = file_column(last, "sex")
        subject = scene.choose(first.site, first.cells.keys["subject_id"])
        if subject is None:
            continue
        for drop in (first, last):
            rows = rows_where(drop, column, subject_id=subject)
            for row in rows:
                set_cell(drop, row, column, "9")
            scene.refuse("wrong_code", drop, rows, "unknown_code", subject_id=subject, absent_from="analysis.adsl")
        people = scene.state.participants
        scene.state.participants = people.filter(~_is(first.site, subject))


def wrong_arm(scene: Scene) -> None:
    """An arm that the study does not have: the person counts as not randomised."""
    for drop in scene.of("allocation")[-1:]:
        subject = scene.choose(drop.site, drop.cells.keys["subject_id"])
        if subject is None:
            continue
        rows = rows_where(drop, subject_id=subject)
        for row in rows:
            set_cell(drop, row, file_column(drop, "arm"), "OTHER")
        scene.refuse("wrong_code", drop, rows, "unknown_code", subject_id=subject, not_randomised=True)
        scene.state.allocation = scene.state.allocation.filter(~_is(drop.site, subject))


def impossible_answers(scene: Scene) -> None:
    """Answers outside an item's range or between two answers, in forms that no earlier export held."""
    for number, (first, last) in enumerate(scene.exports("questionnaires", wide=True)):
        found = _answer_in(scene, last, after=first)
        if not found:
            continue
        row, instrument, item, form = found
        highest = scene.protocol.instruments[instrument].ranges[item][1]
        value, rule = (str(highest + 3), "out_of_range") if number < 2 else ("1.5", "not_whole_number")
        set_cell(last, row, item_column(last, instrument, item), value)
        scene.refuse(rule, last, [row], rule, instrument=instrument, item=item, counts_as="missing")
        _forget(scene, form, item)


def impossible_weekly_answers(scene: Scene) -> None:
    """The same in the house format, and an item that the instrument does not have."""
    for drop in scene.of("questionnaires", house=True)[:1]:
        subject = scene.choose(drop.site, drop.cells.keys["subject_id"])
        if subject is None:
            continue
        row = rows_where(drop, "value", subject_id=subject)[0]
        set_cell(drop, row, "value", "77")
        scene.refuse("out_of_range", drop, [row], "out_of_range", counts_as="missing")
        key = drop.cells.keys.row(row - 1, named=True)
        _forget(scene, key["form"], key["item"])
        rows = append(drop, [record(drop, row) | {"item": "no_such_item", "value": "1"}])
        scene.refuse("unknown_item", drop, rows, "unknown_item")


def illegible_contacts(scene: Scene) -> None:
    """Contacts of which a cell cannot be read; none of them is in the truth."""
    for drop in scene.increments("contacts")[:1]:
        good: Row = {
            "subject_id": drop.cells.keys["subject_id"][0],
            "occurred_at": f"{drop.up_to}T10:00:00",
            "kind": "call",
            "direction": "to_participant",
            "minutes": "10",
        }
        for i, (rule, bad) in enumerate(ILLEGIBLE):
            row = encoded(drop, {"contact_id": f"bad-{i}", **good, **bad})
            scene.refuse("illegible", drop, append(drop, [row]), rule)


ILLEGIBLE: list[tuple[str, Row]] = [
    ("missing_key", {"contact_id": None}),
    ("bad_identifier", {"subject_id": "ОX-001"}),  # its first letter is Cyrillic
    ("unreadable_time", {"occurred_at": "31/02/2025 10:00"}),
    ("unreadable_number", {"minutes": "ten"}),
    ("unknown_code", {"kind": "fax"}),
    ("out_of_range", {"minutes": "-5"}),
]


def spoiled_answer(scene: Scene) -> None:
    """An answer that a later export holds out of range: what was accepted before stands."""
    for first, last in list(scene.exports("questionnaires", wide=True))[:2]:
        found = _answer_in(scene, first)
        if not found:
            continue
        _, instrument, item, form = found
        key = scene.state.answers.filter(form=form).row(0, named=True)
        column = item_column(last, instrument, item)
        row = rows_where(last, column, subject_id=key["subject_id"], visit=key["visit"])[0]
        set_cell(last, row, column, "55")
        scene.refuse("spoiled_later", last, [row], "out_of_range", item=item, stands=first.file_name)


def spoiled_person(scene: Scene) -> None:
    """A person whom the later export names with a code nobody knows: the earlier row stands, status and all."""
    for first, last in list(scene.exports("participants"))[-1:]:
        column = file_column(last, "sex")
        earlier = status_on(scene.people, first.up_to)
        subject = scene.choose(first.site, earlier.filter(site=first.site)["subject_id"])
        if subject is None:
            continue
        rows = rows_where(last, column, subject_id=subject)
        for row in rows:
            set_cell(last, row, column, "9")
        scene.refuse("spoiled_later", last, rows, "unknown_code", subject_id=subject, stands=first.file_name)
        mine = _is(first.site, subject)
        others = scene.state.participants.filter(~mine)
        scene.state.participants = pl.concat([others, earlier.filter(mine)])


# ---------------------------------------------------------------- the same thing twice


def exact_duplicates(scene: Scene) -> None:
    """Whole records sent again in the same file."""
    for drop in _one_a_site(scene.increments("usage")) + _one_a_site(scene.of("questionnaires", house=True)):
        rows = append(drop, [record(drop, row) for row in _sound(drop, 3)])
        drop.expected.duplicates += len(rows)
        scene.note("duplicate", drop, rows, duplicates=len(rows))
    for _, drop in _wide_by_date(scene):
        rows = append(drop, [record(drop, row) for row in _sound(drop, 1)])
        drop.expected.duplicates += len(rows)
        scene.note("duplicate", drop, rows, duplicates=len(rows))


def conflicting_events(scene: Scene) -> None:
    """Two records with one key and different content: neither counts."""
    for drop in scene.increments("usage")[-1:]:
        event = page_view(drop, "ev-twice", f"{drop.up_to}T09:00:00Z")
        rows = append(drop, [encoded(drop, event), encoded(drop, event | {"event": "exercise_saved"})])
        scene.refuse("conflicting_duplicate", drop, rows, "conflicting_duplicate")


def conflicting_forms(scene: Scene) -> None:
    """One form twice with one answer changed: that answer counts as missing, the others once."""
    for first, last in _wide_by_date(scene)[-1:]:
        found = _answer_in(scene, last, after=first)
        if not found:
            continue
        row, instrument, item, form = found
        column = item_column(last, instrument, item)
        low, high = scene.protocol.instruments[instrument].ranges[item]
        other = str(high if cell(last, row, column) != str(high) else low)
        rows = [row, *append(last, [record(last, row) | {column: other}])]
        scene.refuse("conflicting_duplicate", last, rows, "conflicting_duplicate", item=item, counts_as="missing")
        _forget(scene, form, item)


def repeated_delivery(scene: Scene) -> None:
    """The latest export once more under another name."""
    for _, last in list(scene.exports("questionnaires"))[-1:]:
        name = _renamed(last, "_again")
        scene.drops.append(replace(last, file_name=name, content=last.encoded(), expected=Expected("repeat")))
        scene.note("repeat", scene.drops[-1], status="repeat")


# ---------------------------------------------------------------- what changes at the source


def corrected_answers(scene: Scene) -> None:
    """An answer that the first export held wrongly; the later one has it right."""
    for first, last in scene.exports("questionnaires", wide=True):
        found = _answer_in(scene, first)
        if not found:
            continue
        row, instrument, item, _ = found
        column = item_column(first, instrument, item)
        low, high = scene.protocol.instruments[instrument].ranges[item]
        right = cell(first, row, column)
        set_cell(first, row, column, str(high if right != str(high) else low))
        scene.note(
            "corrected", first, [row], instrument=instrument, item=item, corrected_by=last.file_name, value=right
        )


def corrected_person(scene: Scene) -> None:
    for first, last in list(scene.exports("participants"))[:1]:
        column = file_column(first, "birth_year")
        subject = scene.choose(first.site, first.cells.keys["subject_id"])
        for row in rows_where(first, column, subject_id=subject) if subject else ():
            right = int(cell(first, row, column) or 0)
            set_cell(first, row, column, str(right - 10))
            scene.note("corrected", first, [row], column="birth_year", corrected_by=last.file_name, value=right)


def corrected_contact(scene: Scene) -> None:
    """Minutes corrected in the next increment, which names the contact again."""
    for site in scene.protocol.study.site_by_id:
        drops = scene.increments("contacts", site=site)
        if len(drops) < 2:
            continue
        early, late = drops[0], drops[-1]
        _place_in_order(drops)
        right = record(early, 1)
        set_cell(early, 1, file_column(early, "minutes"), "99")
        append(late, [right])
        scene.note("corrected", early, [1], column="minutes", corrected_by=late.file_name)
        return


def correction_taken_back(scene: Scene) -> None:
    """One contact, its minutes changed and changed back: the third file has the bytes of the first."""
    for drop in scene.of("contacts", house=True)[-1:]:
        contact = drop.cells.keys["contact_id"][0]
        for number, minutes in enumerate(("50", "60", "50"), start=1):
            cells = Cells(
                drop.cells.text.head(1).with_columns(pl.lit(minutes).alias("minutes")), drop.cells.keys.head(1)
            )
            name = f"house_contacts_later_{number}.csv"
            small = replace(drop, file_name=name, cells=cells, period_end=None, expected=Expected())
            scene.drops.append(small)
            scene.note("taken_back", small, [1], minutes=minutes, stands=number == 3)
        mine = (pl.col("site") == drop.site) & (pl.col("contact_id") == contact)
        minutes_now = pl.when(mine).then(50.0).otherwise("minutes").alias("minutes")
        scene.state.contacts = scene.state.contacts.with_columns(minutes_now)


def overlapping_increments(scene: Scene) -> None:
    """An increment that begins before the last one ended: the same records, delivered twice."""
    for site in scene.protocol.study.site_by_id:
        drops = scene.increments("usage", site=site)
        if len(drops) > 2:
            rows = append(drops[-1], drops[-2].cells.text.tail(20).to_dicts())
            scene.note("overlap", drops[-1], rows, first_in=drops[-2].file_name)
            return


def shrunken_export(scene: Scene) -> None:
    """A full export without a manifest that has lost people: held until somebody says that it is meant."""
    for _, last in [pair for pair in scene.exports("participants") if pair[1].period_end is None][-1:]:
        kept = last.cells.height - 5
        if kept < 1:
            continue
        cells = replace(last.cells, text=last.cells.text.head(kept), keys=last.cells.keys.head(kept))
        held = replace(last, file_name=_renamed(last, "_short"), cells=cells, expected=Expected("held"))
        scene.drops.append(held)
        scene.note("shrunken", held, status="held")


def withdrawn_form(scene: Scene) -> None:
    """A form entered for the wrong day: in the first export, gone from the next, which a manifest announces."""
    for first, last in _wide_by_date(scene)[:1]:
        found = _answer_in(scene, first)
        if not found:
            continue
        column = file_column(first, "completed_at")
        form = first.source.dates.get("completed_at", "%Y-%m-%d") if first.source else ""
        right = datetime.strptime(str(cell(first, found[0], column)), str(form))  # noqa: DTZ007 - a date
        wrong = (right - timedelta(days=1)).strftime(str(form))
        rows = append(first, [record(first, found[0]) | {column: wrong}])
        _place_in_order([first, last])
        scene.note("withdrawn", first, rows, withdrawn_by=last.file_name, absent_from="analysis.adqs")


# ---------------------------------------------------------------- people and clocks


def events_in_the_future(scene: Scene) -> None:
    """A clock that runs ahead: two days after the end of the period that the manifest names."""
    for drop in [d for d in scene.increments("usage") if d.period_end][:1]:
        ahead = datetime.combine(drop.up_to + timedelta(days=2), time(20))
        rows = append(drop, [encoded(drop, page_view(drop, "ev-ahead", f"{ahead.isoformat()}Z"))])
        scene.refuse("future_time", drop, rows, "future_time")


def clock_change_hours(scene: Scene) -> None:
    """Times without an offset in the hour that a clock change skips, and in the one that it repeats."""
    for site in scene.protocol.study.sites:
        start = datetime.combine(scene.calendar.first_consent, time())
        gone, twice = clock_changes(site.zone, start, datetime.combine(scene.calendar.cut, time()))
        for moment, exists in [(m, False) for m in gone[-1:]] + [(m, True) for m in twice[-1:]]:
            drop = next((d for d in scene.increments("usage", site=site.site) if d.up_to > moment.date()), None)
            if drop is None:
                continue
            event = page_view(drop, f"ev-clock-{int(exists)}", moment.isoformat())
            rows = append(drop, [encoded(drop, event)])
            if not exists:
                scene.refuse("nonexistent_time", drop, rows, "nonexistent_time")
                continue
            instant = moment.replace(tzinfo=site.zone, fold=0)
            scene.note("ambiguous_time", drop, rows, instant=instant.astimezone(UTC).isoformat(), accepted=1)
            happened(scene, drop, event, instant)


def strangers_from_another_group(scene: Scene) -> None:
    """A row of another data access group."""
    for _, last in scene.exports("participants"):
        groups = last.source.site_column if last.source else {}
        for column in list(groups)[:1]:
            subject = file_column(last, "subject_id")
            rows = append(last, [record(last, 1) | {column: "elsewhere", subject: STRANGER}])
            for drop in scene.sharing(last):
                scene.refuse("wrong_site", drop, rows, "wrong_site")


# ---------------------------------------------------------------- files


def names_and_addresses(scene: Scene) -> None:
    """A column that should not have been in the export: dropped, and named."""
    exports = [last for _, last in scene.exports("participants")]
    for drop in exports[:2] + scene.of("contacts", house=True)[-1:] + scene.increments("usage")[2:3]:
        drop.cells.text = drop.cells.text.with_columns(pl.lit(PRIVATE_MAIL).alias("EMAIL"))
        for other in scene.sharing(drop):
            other.expected.unknown_columns.add("EMAIL")
            scene.note("private_column", other, unknown_columns=["EMAIL"], never_shown=PRIVATE_MAIL)


def half_copied(scene: Scene) -> None:
    """A file cut off on its way, beside a manifest of the whole; the good one comes later."""
    for drop in [d for d in scene.of("usage") if d.period_end is None][:1]:
        whole = drop.encoded()
        half = replace(
            drop,
            file_name=_renamed(drop, "_copy"),
            content=whole[: len(whole) * 3 // 5],
            promised=whole,
            period_end=drop.up_to,
            expected=Expected("rejected"),
        )
        scene.drops.append(half)
        scene.note("half_copied", half, status="rejected", good_file=drop.file_name)


def late_delivery(scene: Scene) -> None:
    """An increment that comes after those that follow it."""
    for drop in [d for d in scene.increments("usage") if d.period_end is None][-1:]:
        name = f"late_{drop.file_name}"
        if drop.source is None or fnmatch(name, drop.source.files):
            drop.file_name = name
        scene.note("late", drop, accepted=True)


def other_column_order(scene: Scene) -> None:
    """Columns in another order mean the same."""
    for drop in scene.of("allocation")[:1]:
        drop.cells.text = drop.cells.text.select(reversed(drop.cells.text.columns))
        scene.note("reordered_columns", drop, accepted=True)


def byte_order_mark(scene: Scene) -> None:
    """A spreadsheet's mark before the header."""
    for drop in scene.of("adverse_events", house=True)[:1]:
        drop.content = codecs.BOM_UTF8 + drop.encoded()
        scene.note("byte_order_mark", drop, accepted=True)


def ragged_lines(scene: Scene) -> None:
    """A comma too many (an unquoted one in a text), and a line that ends too soon."""
    for drop in [d for d in scene.of("contacts") if d.read.format == "delimited"][:1]:
        width = drop.cells.text.width
        rows = [append_line(drop, ",".join(["c-ragged"] * n)) for n in (width + 1, width - 2)]
        scene.refuse("ragged_row", drop, rows, "ragged_row")


def broken_json_line(scene: Scene) -> None:
    for drop in [d for d in scene.of("usage") if d.read.format == "jsonl"][-2:-1]:
        rows = [append_line(drop, '{"id":"ev-broken","user":"')]
        scene.refuse("unreadable_row", drop, rows, "unreadable_row")


def unreadable_file(scene: Scene) -> None:
    """Bytes that only look like an SPSS file."""
    for drop in [d for d in scene.of("questionnaires") if d.read.format == "sav"][-1:]:
        broken = replace(
            drop,
            file_name=_renamed(drop, "_broken"),
            content=GARBAGE,
            period_end=None,
            expected=Expected("rejected"),
        )
        scene.drops.append(broken)
        scene.note("unreadable_file", broken, status="rejected")


# A new name comes first; lines that are no records come after all records of their file, and copies of a file
# after all changes to it.
FAULTS: list[Callable[[Scene], None]] = [
    late_delivery,
    wrong_code_of_a_person,
    wrong_arm,
    spoiled_answer,
    spoiled_person,
    impossible_answers,
    impossible_weekly_answers,
    illegible_contacts,
    conflicting_events,
    conflicting_forms,
    corrected_answers,
    corrected_person,
    corrected_contact,
    withdrawn_form,
    *CROSS_FAULTS,
    correction_taken_back,
    overlapping_increments,
    events_in_the_future,
    clock_change_hours,
    strangers_from_another_group,
    exact_duplicates,
    names_and_addresses,
    other_column_order,
    ragged_lines,
    broken_json_line,
    half_copied,
    shrunken_export,
    byte_order_mark,
    repeated_delivery,
    unreadable_file,
]


# ---------------------------------------------------------------- helpers


def _is(site: str, subject: str) -> pl.Expr:
    return (pl.col("site") == site) & (pl.col("subject_id") == subject)


def _one_a_site(drops: list[Drop]) -> list[Drop]:
    """For each site, the second of its drops (or the only one), so that the first stays clean."""
    by_site: dict[str, list[Drop]] = {}
    for drop in drops:
        by_site.setdefault(drop.site, []).append(drop)
    return [found[min(1, len(found) - 1)] for found in by_site.values()]


def _sound(drop: Drop, most: int) -> list[int]:
    """The first records of a file that no fault refuses."""
    struck = {row for row, _ in drop.expected.quarantine}
    return [row for row in range(1, drop.cells.height + 1) if row not in struck][:most]


def _wide_by_date(scene: Scene) -> list[tuple[Drop, Drop]]:
    """Exports of which a row is one subject, visit and date: a row more is a form more."""
    pairs = scene.exports("questionnaires", wide=True)
    return [(first, last) for first, last in pairs if last.source and "completed_at" in last.source.columns]


def _answer_in(scene: Scene, drop: Drop, after: Drop | None = None) -> tuple[int, str, str, int] | None:
    """(row, instrument, item, form) of an answered first item of the primary instrument, of an unstruck person
    at a labelled visit; with `after`, of a form filled in later than that export."""
    wanted = scene.protocol.study.outcomes.primary.paramcd
    instrument = next(i for i in scene.protocol.instruments.values() if wanted in {score.paramcd for score in i.scores})
    item = next(iter(instrument.ranges))
    day = pl.col("local").dt.date()
    forms = scene.state.answers.filter(
        pl.col("site") == drop.site,
        pl.col("instrument") == instrument.instrument,
        pl.col("item") == item,
        pl.col("value").is_not_null(),
        pl.col("visit").is_not_null() & ~pl.col("weekly"),
        day <= drop.up_to,
        day > (after.up_to if after else date.min),
    ).sort("form")
    subject = scene.choose(drop.site, forms["subject_id"])
    if subject is None:
        return None
    form = forms.filter(subject_id=subject).row(0, named=True)
    column = item_column(drop, instrument.instrument, item)
    rows = rows_where(drop, column, subject_id=subject, visit=form["visit"])
    return (rows[0], instrument.instrument, item, form["form"]) if rows else None


def _forget(scene: Scene, form: int, item: str) -> None:
    """The answer counts as missing."""
    hit = (pl.col("form") == form) & (pl.col("item") == item)
    scene.state.answers = scene.state.answers.with_columns(pl.when(~hit).then("value").alias("value"))


def _place_in_order(drops: list[Drop]) -> None:
    """Give each a manifest, so that their order is that of their periods."""
    for drop in drops:
        drop.period_end = drop.up_to


def _renamed(drop: Drop, suffix: str) -> str:
    """Another name, or folder, that sorts after the drop's own and that the source's pattern takes as well."""
    folder, slash, name = drop.file_name.rpartition("/")
    stem, dot, extension = name.partition(".")
    renamed = f"{stem}{suffix}{dot}{extension}"
    if drop.source is None or fnmatch(renamed, drop.source.files):
        return f"{folder}{slash}{renamed}"
    return f"{folder}{suffix}/{name}"
