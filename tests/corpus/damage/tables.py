"""What happens to rows and columns before they are written to a file: Table → Table, alike for every format.

The table is the wide one of the corpus: ID, VISIT, DAY, SITE, G1 … G7, MAIL.
"""

from __future__ import annotations

from dataclasses import replace

from tests.corpus.table import CANARY, Table


def text_for_an_answer(table: Table) -> Table:
    """A column of numbers becomes one of text."""
    return table.with_cell(2, "G1", CANARY)


def answer_beyond_the_scale(table: Table) -> Table:
    return table.with_cell(3, "G2", "9")


def scale_from_1(table: Table) -> Table:
    """The export was re-coded: what was 3 is 4."""
    for row in range(1, len(table.rows) + 1):
        for item in (name for name in table.header if name.startswith("G")):
            table = table.with_cell(row, item, str(int(table.cell(row, item)) + 1))
    return table


def half_answers(table: Table) -> Table:
    return table.with_cell(4, "G3", "1.5")


def decimal_comma(table: Table) -> Table:
    return table.with_cell(4, "G3", "1,0")


def no_subject(table: Table) -> Table:
    return table.with_cell(1, "ID", "")


def name_for_a_subject(table: Table) -> Table:
    return table.with_cell(5, "ID", f"{CANARY} Person")


def invisible_character_in_a_subject(table: Table) -> Table:
    return table.with_cell(2, "ID", f"D-\u200b{CANARY}")


def shortened_subject(table: Table) -> Table:
    return table.with_cell(2, "ID", "1.23E+05")


def subject_taken_for_a_date(table: Table) -> Table:
    return table.with_cell(2, "ID", "1-Mar")


def impossible_day(table: Table) -> Table:
    return table.with_cell(3, "DAY", "2026-02-30")


def shortened_day(table: Table) -> Table:
    return table.with_cell(3, "DAY", "1-Mar")


def counted_day(table: Table) -> Table:
    return table.with_cell(3, "DAY", "46027")


def day_of_another_country(table: Table) -> Table:
    return table.with_cell(3, "DAY", "5/1/2026")


def day_of_an_era(table: Table) -> Table:
    return table.with_cell(3, "DAY", "令和8年1月5日")


def day_to_come(table: Table) -> Table:
    return table.with_cell(4, "DAY", "2099-01-05")


def no_day(table: Table) -> Table:
    return table.with_cell(4, "DAY", "")


def error_of_a_spreadsheet(table: Table) -> Table:
    return table.with_cell(1, "G7", "#REF!")


def formula_as_text(table: Table) -> Table:
    return table.with_cell(1, "G7", f"=cmd|{CANARY}!A1")


def another_site_s_row(table: Table) -> Table:
    return table.with_cell(5, "SITE", CANARY)


def said_twice_differently(table: Table) -> Table:
    """The first row stands again at the end, with another answer."""
    again = table.with_cell(1, "G1", "0" if table.cell(1, "G1") != "0" else "1").rows[0]
    return table.with_row(again)


def swapped_columns(table: Table) -> Table:
    """Subjects stand under DAY and days under ID."""
    return table.renamed({"ID": "DAY", "DAY": "ID"})


def shifted_columns(table: Table) -> Table:
    """The names have moved one place to the right over the cells."""
    return replace(table, header=(table.header[-1], *table.header[:-1]))


def without_the_day(table: Table) -> Table:
    return table.without("DAY")


def without_the_site(table: Table) -> Table:
    return table.without("SITE")


def without_an_item(table: Table) -> Table:
    return table.without("G4")


def renamed_item(table: Table) -> Table:
    return table.renamed({"G4": "GAD4"})


def renamed_items(table: Table) -> Table:
    return table.renamed({f"G{n}": f"GAD{n}" for n in range(1, 8)})


def doubled_name(table: Table) -> Table:
    return table.renamed({"G5": "G4"})


def nothing_but_names(table: Table) -> Table:
    return replace(table, rows=())


def control_character(table: Table) -> Table:
    return table.with_cell(2, "ID", f"D\x07{CANARY}")
