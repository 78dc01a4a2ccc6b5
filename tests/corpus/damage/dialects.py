"""What happens to exports of REDCap, Qualtrics, LimeSurvey and Moodle: Table → Table, by the system that the function's
name begins with."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.corpus.table import CANARY, Table


def redcap_without_events(table: Table) -> Table:
    return table.without("redcap_event_name")


def redcap_without_a_field(table: Table) -> Table:
    return table.without("gad_4")


def redcap_of_another_group(table: Table) -> Table:
    return table.with_cell(2, "redcap_data_access_group", CANARY)


def redcap_label_among_codes(table: Table) -> Table:
    return table.with_cell(3, "gad_1", CANARY)


def redcap_survey_not_completed(table: Table) -> Table:
    return table.with_cell(4, "gad_timestamp", "[not completed]")


def redcap_labels_for_headings(table: Table) -> Table:
    """Downloaded with labels where the study file expects raw data."""
    return table.renamed({name: f"Question on {name}" for name in table.header})


def redcap_labels_unknown_label(table: Table) -> Table:
    return table.with_cell(1, "Sex", CANARY)


def redcap_labels_renamed_heading(table: Table) -> Table:
    return table.renamed({"Sex": "Gender"})


def redcap_labels_day_of_another_country(table: Table) -> Table:
    return table.with_cell(2, "Consented", "05-01-2026")


def redcap_labels_without_records(table: Table) -> Table:
    return table.without("Record ID")


def qualtrics_third_row_deleted(table: Table) -> Table:
    return replace(table, rows=(table.rows[0], *table.rows[2:]))


def qualtrics_one_header_row(table: Table) -> Table:
    return replace(table, rows=table.rows[2:])


def qualtrics_without_finished(table: Table) -> Table:
    return table.without("Finished")


def qualtrics_of_another_clock(table: Table) -> Table:
    fact = json.dumps({"ImportId": "endDate", "timeZone": "America/Denver"})
    return table.with_cell(2, "EndDate", fact)


def qualtrics_texts_for_numbers(table: Table) -> Table:
    return table.with_cell(3, "Q7_1", CANARY)


def qualtrics_of_nobody(table: Table) -> Table:
    return table.with_cell(4, "Subject", "")


def qualtrics_day_of_another_country(table: Table) -> Table:
    return table.with_cell(5, "EndDate", "1/5/2026 10:10")


def limesurvey_texts_for_codes(table: Table) -> Table:
    return table.renamed({f"GAD[SQ{n}]": f"How often ({n})?" for n in range(1, 8)})


def limesurvey_text_for_an_answer(table: Table) -> Table:
    return table.with_cell(1, "GAD[SQ1]", CANARY)


def limesurvey_answer_beyond_the_scale(table: Table) -> Table:
    return table.with_cell(2, "GAD[SQ2]", "A9")


def limesurvey_of_nobody(table: Table) -> Table:
    return table.with_cell(3, "token", "")


def limesurvey_without_days(table: Table) -> Table:
    return table.without("submitdate")


def moodle_without_descriptions(table: Table) -> Table:
    return table.without("Description")


def moodle_in_another_language(table: Table) -> Table:
    return table.renamed({"Time": "時間", "Event name": "イベント名", "Event context": "イベントコンテクスト"})


def moodle_time_of_another_language(table: Table) -> Table:
    return table.with_cell(1, "Time", "2026年 01月 5日 10:00")


def moodle_unknown_event(table: Table) -> Table:
    return table.with_cell(2, "Event name", CANARY)


def moodle_impossible_time(table: Table) -> Table:
    return table.with_cell(3, "Time", "35/01/26, 10:00:00")
