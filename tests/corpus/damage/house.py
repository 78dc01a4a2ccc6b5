"""What stands wrongly in the house format: Table → Table, for the feed whose name the function begins with."""

from __future__ import annotations

from tests.corpus.table import CANARY, Table


def participants_sex_in_words(table: Table) -> Table:
    return table.with_cell(1, "sex", CANARY)


def participants_born_too_early(table: Table) -> Table:
    return table.with_cell(2, "birth_year", "1776")


def participants_consent_day_first(table: Table) -> Table:
    return table.with_cell(3, "consent_date", "5.1.2026")


def participants_without_consent_date(table: Table) -> Table:
    return table.without("consent_date")


def participants_another_feed_s_file(table: Table) -> Table:
    """The header of the log over the rows of people."""
    return table.renamed({"subject_id": "event_id", "status": "event", "centre": "occurred_at"})


def allocation_to_no_arm(table: Table) -> Table:
    return table.with_cell(1, "arm", CANARY)


def allocation_of_nobody(table: Table) -> Table:
    return table.with_cell(2, "subject_id", "")


def questionnaires_unknown_instrument(table: Table) -> Table:
    return table.with_cell(1, "instrument", CANARY)


def questionnaires_unknown_item(table: Table) -> Table:
    return table.with_cell(2, "item", "10")


def questionnaires_answer_in_words(table: Table) -> Table:
    return table.with_cell(3, "value", CANARY)


def usage_unknown_event(table: Table) -> Table:
    return table.with_cell(1, "event", CANARY)


def usage_hour_that_does_not_exist(table: Table) -> Table:
    return table.with_cell(2, "occurred_at", "2026-03-29T01:30:00")


def usage_time_to_come(table: Table) -> Table:
    return table.with_cell(3, "occurred_at", "2099-01-05T10:00:00Z")


def usage_part_of_a_time(table: Table) -> Table:
    return table.with_cell(3, "occurred_at", "30:00.0")


def usage_number_used_twice(table: Table) -> Table:
    again = table.with_cell(1, "occurred_at", "2026-01-05T11:00:00Z").rows[0]
    return table.with_row(again)


def contacts_less_than_no_minutes(table: Table) -> Table:
    return table.with_cell(1, "minutes", "-5")


def contacts_minutes_in_words(table: Table) -> Table:
    return table.with_cell(1, "minutes", f"15 {CANARY}")


def contacts_unknown_kind(table: Table) -> Table:
    return table.with_cell(2, "kind", CANARY)


def adverse_events_too_severe(table: Table) -> Table:
    return table.with_cell(1, "severity", "9")


def adverse_events_perhaps_serious(table: Table) -> Table:
    return table.with_cell(2, "serious", CANARY)


def adverse_events_impossible_onset(table: Table) -> Table:
    return table.with_cell(3, "onset_date", "2026-13-01")


def intercurrent_events_unknown_kind(table: Table) -> Table:
    return table.with_cell(1, "kind", CANARY)
