"""Every damaged file of the corpus with the end that it must come to: the one table of expectations.

Two files of one name and damage differ in their kind only; `Case.name` tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.corpus import writers
from tests.corpus.damage import archives, binaries, dialects, house, json_text, tables, text, workbooks
from tests.corpus.kinds import ITEMS, KINDS, N_ROWS, Kind
from tests.corpus.table import Table

Cell = tuple[int, str, str]  # the data record, the rule, the file's column


@dataclass(frozen=True)
class Rejected:
    """The file is refused whole; the reason says all of `said`, the place where it has one among it."""

    said: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """These cells or rows are set aside, and every other row is accepted. Each message names its column (of a record
    that stands there twice: the columns of its key), and one of them says `said`."""

    cells: tuple[Cell, ...]
    said: str = ""

    @property
    def n_rows(self) -> int:
        return len({row for row, _, _ in self.cells})


@dataclass(frozen=True)
class Case:
    """One damaged file. With a `manifest` it is sent with one that tells of the file as it was before the damage, or,
    where the rows were spoilt before it was written (`made_of_rows`), of how many rows there were."""

    kind: Kind
    damage: str
    make: Callable[[], bytes]
    end: Rejected | Refused
    n_rows: int = N_ROWS
    manifest: bool = False
    made_of_rows: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind.name}.{self.damage}"

    @property
    def file_name(self) -> str:
        """Its path below the feed's folder."""
        return f"{self.damage}/{self.kind.file_name}"


def _refused(*cells: Cell, said: str = "") -> Refused:
    return Refused(cells, said)


def _rejected(*said: str) -> Rejected:
    return Rejected(said)


def _of_table(
    kinds: str, damage: Callable[[Table], Table], end: Rejected | Refused, n_rows: int = N_ROWS, manifest: bool = False
) -> Iterator[Case]:
    """Rows and columns were spoilt before the file was written."""
    for kind in (KINDS[name] for name in kinds.split()):

        def make(kind: Kind = kind) -> bytes:
            return kind.write(damage(kind.table("D")))

        yield Case(kind, damage.__name__, make, end, n_rows, manifest, made_of_rows=True)


def _of_bytes(
    kinds: str, damage: Callable[[bytes], bytes], end: Rejected | Refused, n_rows: int = N_ROWS, manifest: bool = False
) -> Iterator[Case]:
    """A good file was spoilt."""
    for kind in (KINDS[name] for name in kinds.split()):

        def make(kind: Kind = kind) -> bytes:
            return damage(kind.good("D"))

        yield Case(kind, damage.__name__, make, end, n_rows, manifest)


def _of_excel(damage: Callable[[Table], bytes], end: Rejected | Refused, n_rows: int = N_ROWS) -> Iterator[Case]:
    kind = KINDS["xlsx"]
    yield Case(kind, damage.__name__, lambda: damage(kind.table("D")), end, n_rows)


def _of_archive(damage: Callable[[bytes], bytes], *said: str) -> Iterator[Case]:
    kind = KINDS[damage.__name__.partition("_")[0]]
    yield Case(kind, damage.__name__, lambda: damage(writers.csv(kind.table("D"))), Rejected(said))


def _every_row(*faults: tuple[str, str]) -> tuple[Cell, ...]:
    return tuple((row, rule, column) for row in range(1, N_ROWS + 1) for rule, column in faults)


EXCEL = "straight from the system that the data come from"
UNKNOWN = "none of the names in its first line is known"
AGAIN = "export it again"
LESS_SAID = "its manifest says"
NO_OBJECT = "not one JSON object"
LIST = "holds a list or an object"
NOT_UTF8 = "is not text in the declared encoding utf-8"
BROKEN_JSON = "the file is not sound JSON in line"
BEYOND = tuple(
    (row, "out_of_range", item)
    for row in range(1, N_ROWS + 1)
    for place, item in enumerate(ITEMS)
    if (row + place) % 4 == 3
)


def _tables() -> Iterator[Case]:
    t = tables
    yield from _of_table("csv sav parquet xpt5", t.text_for_an_answer, _refused((2, "not_whole_number", "G1")))
    yield from _of_table("csv zsav dta json", t.answer_beyond_the_scale, _refused((3, "out_of_range", "G2")))
    yield from _of_table("cp932 por jsonl", t.scale_from_1, Refused(BEYOND, "from 0 to 3"))
    yield from _of_table("csv xlsx dataset_json", t.half_answers, _refused((4, "not_whole_number", "G3")))
    yield from _of_table("utf16 xpt8 ndjson", t.decimal_comma, _refused((4, "not_whole_number", "G3")))
    yield from _of_table("csv sav xpt5 json", t.no_subject, _refused((1, "missing_key", "ID")))
    yield from _of_table("csv zsav dta jsonl gz", t.name_for_a_subject, _refused((5, "bad_identifier", "ID")))
    hidden = t.invisible_character_in_a_subject
    yield from _of_table("utf16 xlsx parquet", hidden, _refused((2, "bad_identifier", "ID")))
    yield from _of_table("csv jsonl ndjson", t.control_character, _refused((2, "bad_identifier", "ID")))
    yield from _of_table("csv dta", t.shortened_subject, _refused((2, "bad_identifier", "ID"), said=EXCEL))
    taken = _refused((2, "bad_identifier", "ID"), said="taken it for a date")
    yield from _of_table("cp932 xlsx", t.subject_taken_for_a_date, taken)
    yield from _of_table("csv por parquet", t.impossible_day, _refused((3, "unreadable_date", "DAY")))
    cut = _refused((3, "unreadable_date", "DAY"), said="shortened the date")
    yield from _of_table("csv sav xlsx", t.shortened_day, cut)
    count = _refused((3, "unreadable_date", "DAY"), said="its own count of days")
    yield from _of_table("zip zsav json", t.counted_day, count)
    country = _refused((3, "unreadable_date", "DAY"), said="one country or another")
    yield from _of_table("csv xpt8", t.day_of_another_country, country)
    era = _refused((3, "unreadable_date", "DAY"), said="the year of a Japanese era")
    yield from _of_table("cp932 jsonl xlsx", t.day_of_an_era, era)
    yield from _of_table("csv dta", t.day_to_come, _refused((4, "future_time", "DAY")))
    yield from _of_table("csv sav dataset_json", t.no_day, _refused((4, "missing_key", "DAY")))
    error = _refused((1, "not_whole_number", "G7"), said="shows an error")
    yield from _of_table("csv xpt5 xlsx", t.error_of_a_spreadsheet, error)
    formula = _refused((1, "not_whole_number", "G7"), said="formula")
    yield from _of_table("csv parquet", t.formula_as_text, formula)
    yield from _of_table("csv por json xpt8", t.another_site_s_row, _refused((5, "wrong_site", "SITE")))
    twice = _refused((1, "conflicting_duplicate", "G1"), (6, "conflicting_duplicate", "G1"))
    yield from _of_table("csv sav jsonl xlsx", t.said_twice_differently, twice, n_rows=6)
    swapped = Refused(_every_row(("unreadable_date", "DAY"), ("bad_identifier", "ID")))
    yield from _of_table("csv zsav parquet", t.swapped_columns, swapped)
    yield from _of_table("csv dta ndjson", t.shifted_columns, Refused(_every_row(("wrong_site", "SITE"))))
    yield from _of_table("csv sav xlsx", t.without_the_day, _rejected("lacks columns", "DAY"))
    yield from _of_table("jsonl", t.without_the_day, _rejected("no row holds DAY"))
    yield from _of_table("utf16 xpt5", t.without_the_site, _rejected("lacks columns", "SITE"))
    yield from _of_table("json", t.without_the_site, Refused(_every_row(("wrong_site", "SITE"))))
    yield from _of_table("csv por parquet", t.without_an_item, _rejected("lacks columns", "G4"))
    yield from _of_table("cp932 zsav dataset_json", t.renamed_item, _rejected("lacks columns", "G4", "GAD4"))
    yield from _of_table("jsonl json", t.renamed_items, _rejected("no row holds G1, G2"))
    yield from _of_table("csv xlsx dataset_json", t.doubled_name, _rejected("more than once", "columns 8 and 9"))
    short = _rejected(LESS_SAID, "5 data rows; the file holds 0")
    yield from _of_table("csv sav parquet xlsx", t.nothing_but_names, short, manifest=True)


def _text() -> Iterator[Case]:
    t = text
    ragged = "more or fewer cells than the header"
    empty = _rejected("the file is empty")
    open_in = "is never closed"
    yield from _of_bytes("csv", t.cut_mid_header, _rejected("lacks columns", "G4, G5, G6, G7"))
    yield from _of_bytes("csv", t.cut_after_header, _rejected(LESS_SAID, "bytes; it has"), manifest=True)
    yield from _of_bytes("csv", t.cut_mid_row, _refused((5, "ragged_row", ""), said=ragged))
    yield from _of_bytes("csv cp932", t.cut_mid_number, _refused((5, "ragged_row", ""), said=ragged))
    yield from _of_bytes("csv", t.cut_mid_quote, _rejected(f"a quote that opens in line 6 {open_in}"))
    yield from _of_bytes("csv", t.cut_mid_character, _rejected("byte 342 is not text", "utf-8"))
    yield from _of_bytes("cp932", t.cut_mid_character, _rejected("byte 338 is not text", "cp932"))
    yield from _of_bytes("csv cp932 redcap", t.cut_at_row_end, _rejected(LESS_SAID, "bytes; it has"), manifest=True)
    yield from _of_bytes("csv cp932 utf16 redcap", t.nothing, empty)
    yield from _of_bytes("csv", t.empty_lines, empty)
    yield from _of_bytes("csv", t.mark_alone, empty)
    yield from _of_bytes("csv", t.zeros, _rejected("line 1 holds a NUL character"))
    yield from _of_bytes("csv cp932", t.nul_in_a_cell, _rejected("line 2 holds a NUL character"))
    yield from _of_bytes("csv", t.open_quote, _rejected(f"a quote that opens in line 3 {open_in}"))
    yield from _of_bytes("csv", t.two_stray_quotes, _refused((2, "wrong_site", "SITE")), n_rows=3)
    yield from _of_bytes("csv", t.one_cell_more, _refused((2, "ragged_row", ""), said=ragged))
    yield from _of_bytes("csv cp932", t.one_cell_less, _refused((2, "ragged_row", ""), said=ragged))
    yield from _of_bytes("csv", t.total_below, _refused((6, "ragged_row", "")), n_rows=6)
    yield from _of_bytes("csv", t.note_above, _rejected("lacks columns", UNKNOWN))
    yield from _of_bytes("csv", t.names_gone, _rejected("more than once", "columns 5 and 9"))
    run_in = _rejected("no row has as many cells as the header line")
    yield from _of_bytes("usage", t.header_run_into_the_first_row, run_in)
    doubled = _rejected("more than once", "columns 16 and 20")
    yield from _of_bytes("csv", t.header_run_into_the_first_row, doubled)
    yield from _of_bytes("csv", t.two_exports_in_one, _refused((6, "wrong_site", "SITE")), n_rows=6)
    yield from _of_bytes("csv", t.conflict_marks, _refused((1, "ragged_row", "")), n_rows=6)
    yield from _of_bytes("csv", t.semicolons, _rejected(UNKNOWN))
    yield from _of_bytes("csv", t.tabs, _rejected(UNKNOWN))
    yield from _of_bytes("csv", t.quotes_around_each_line, _rejected(UNKNOWN))
    yield from _of_bytes("csv", t.in_utf16, _rejected("byte 0", NOT_UTF8))
    yield from _of_bytes("csv", t.in_cp932, _rejected("byte 52", NOT_UTF8))
    yield from _of_bytes("cp932", t.in_utf8_from_cp932, _rejected("the file is in UTF-8", "cp932"))
    yield from _of_bytes("utf16", t.in_utf8_from_utf16, _rejected("the file is in UTF-8", "utf-16"))
    yield from _of_bytes("latin", t.in_utf8_from_latin_1, _rejected("the file is in UTF-8", "iso8859-1"))
    yield from _of_bytes("utf16", t.half_a_pair_of_bytes, _rejected("byte 758 is not text", "utf-16"))
    yield from _of_bytes("utf16", t.without_its_mark, _rejected("not text in the declared encoding utf-16"))
    yield from _of_bytes("csv", t.one_letter_in_latin_1, _rejected("byte 74", NOT_UTF8))
    yield from _of_bytes("csv", t.endless_line, _rejected("line 7 is longer than 32 MiB"))
    yield from _of_bytes("csv", t.page_of_an_error, _rejected(UNKNOWN))
    yield from _of_bytes("csv", t.document, _rejected("byte 10", NOT_UTF8))
    yield from _of_bytes("csv", t.workbook_by_another_name, _rejected("byte 14", NOT_UTF8))


def _json() -> Iterator[Case]:
    j = json_text
    first, last = _refused((1, "unreadable_row", ""), said=NO_OBJECT), _refused((5, "unreadable_row", ""))
    yield from _of_bytes("jsonl", j.cut_mid_text, last)
    yield from _of_bytes("json", j.cut_mid_text, _rejected(f"{BROKEN_JSON} 58", "cut off"))
    yield from _of_bytes("dataset_json", j.cut_mid_text, _rejected(BROKEN_JSON, "cut off"))
    yield from _of_bytes("ndjson", j.cut_mid_text, _rejected(f"{BROKEN_JSON} 6", "cut off"))
    yield from _of_bytes("jsonl json dataset_json ndjson", j.cut_mid_character, _rejected("byte ", NOT_UTF8))
    yield from _of_bytes("jsonl", j.cut_between_records, _rejected(LESS_SAID, "bytes; it has"), manifest=True)
    yield from _of_bytes("json", j.cut_between_records, _rejected(f"{BROKEN_JSON} 58", "cut off"))
    yield from _of_bytes("dataset_json", j.cut_between_records, _rejected(BROKEN_JSON, "cut off"))
    yield from _of_bytes("ndjson", j.cut_between_records, _rejected("another number of records than the 4 rows"))
    yield from _of_bytes("jsonl", j.two_in_a_line, first, n_rows=4)
    yield from _of_bytes("jsonl", j.line_of_something_else, _refused((2, "unreadable_row", "")), n_rows=6)
    yield from _of_bytes("json ndjson", j.line_of_something_else, _rejected(f"{BROKEN_JSON} 2"))
    yield from _of_bytes("jsonl json", j.list_in_a_cell, _refused((1, "unreadable_row", "G1"), said=LIST))
    yield from _of_bytes("jsonl json", j.object_in_a_cell, _refused((1, "unreadable_row", "DAY"), said=LIST))
    yield from _of_bytes("jsonl", j.list_for_an_object, first, n_rows=6)
    yield from _of_bytes("json", j.list_for_an_object, _rejected(f"{BROKEN_JSON} 2", "more after the array's end"))
    yield from _of_bytes("jsonl json", j.no_number, _refused((1, "not_whole_number", "G1")))
    yield from _of_bytes("jsonl json", j.true_for_a_number, _refused((1, "not_whole_number", "G1")))
    yield from _of_bytes("jsonl json ndjson", j.nul_escaped, first)
    yield from _of_bytes("jsonl dataset_json", j.half_a_character_escaped, first)
    yield from _of_bytes("jsonl", j.nul_itself, first)
    yield from _of_bytes("json ndjson", j.nul_itself, _rejected(f"{BROKEN_JSON} 2"))
    yield from _of_bytes("jsonl json", j.one_letter_in_latin_1, _rejected("byte ", NOT_UTF8))
    yield from _of_bytes("jsonl json", j.name_twice_in_an_object, first)
    yield from _of_bytes("jsonl", j.deep, first)
    yield from _of_bytes("json", j.deep, _rejected(f"{BROKEN_JSON} 2", "nested too deeply"))
    yield from _of_bytes("jsonl json", j.endless_text, _rejected("line ", "longer than 32 MiB"))
    yield from _of_bytes("jsonl", j.behind_the_end, _refused((6, "unreadable_row", "")), n_rows=6)
    yield from _of_bytes("json", j.behind_the_end, _rejected(f"{BROKEN_JSON} 72", "more after the array's end"))
    yield from _of_bytes("dataset_json", j.behind_the_end, _rejected(BROKEN_JSON, "more after the dataset's end"))
    yield from _of_bytes("jsonl", j.key_without_quotes, first)
    yield from _of_bytes("json", j.key_without_quotes, _rejected(f"{BROKEN_JSON} 2"))
    yield from _of_bytes("jsonl", j.single_quotes, _rejected("no row holds ID, DAY"))
    yield from _of_bytes("dataset_json", j.single_quotes, _rejected(f"{BROKEN_JSON} 1", "a name in quotes"))
    yield from _of_bytes("json", j.lines_for_an_array, _rejected(f"{BROKEN_JSON} 1", "expected ["))
    yield from _of_bytes("jsonl", j.array_for_lines, _rejected("no row holds ID, DAY"))
    yield from _of_bytes("json", j.array_in_an_object, _rejected(f"{BROKEN_JSON} 1", "expected ["))
    stated = _rejected("another number of records than the 5 rows")
    yield from _of_bytes("dataset_json ndjson", j.one_record_more_than_stated, stated)
    nameless = _rejected("does not list its columns by name")
    yield from _of_bytes("dataset_json ndjson", j.without_its_columns, nameless)
    yield from _of_bytes("dataset_json", j.column_without_a_name, nameless)
    yield from _of_bytes("dataset_json", j.without_its_rows, _rejected("another number of records than the 0 rows"))
    yield from _of_bytes("dataset_json ndjson", j.one_value_less, _refused((1, "ragged_row", "")))
    yield from _of_bytes("dataset_json ndjson", j.object_for_a_row, _refused((5, "unreadable_row", "")))
    yield from _of_bytes("jsonl json", j.other_table, _rejected("no row holds ID, DAY"))
    yield from _of_bytes("xapi", j.xapi_verb_unknown, _refused((1, "unknown_code", "verb.id")))
    months = _refused((1, "unreadable_number", "result.duration"), said="a duration as ISO 8601 has it")
    yield from _of_bytes("xapi", j.xapi_duration_in_months, months)
    yield from _of_bytes("xapi", j.xapi_time_without_a_day, _refused((1, "unreadable_time", "timestamp")))
    twice = _refused((1, "conflicting_duplicate", ""), (2, "conflicting_duplicate", ""))
    yield from _of_bytes("xapi", j.xapi_id_used_twice, twice)
    yield from _of_bytes("xapi", j.xapi_no_statements, _rejected("no row holds id"))


def _excel() -> Iterator[Case]:
    w = workbooks
    no_workbook = _rejected("not an Excel workbook")
    yield from _of_excel(w.formula, _rejected("the cell A7 holds a formula", "paste it as values"))
    yield from _of_excel(w.merged_cells, _rejected("the cells A2:A3 are merged"))
    yield from _of_excel(w.merged_header, _rejected("the cells E1:K1 are merged"))
    yield from _of_excel(w.error_in_a_cell, _rejected("the cell B7 holds an error of Excel's"))
    yield from _of_excel(w.hidden_sheet, _rejected("hidden sheets (S2)"))
    yield from _of_excel(w.well_hidden_sheet, _rejected("hidden sheets (S2)"))
    yield from _of_excel(w.second_sheet, _rejected("2 sheets (S1, S2)"))
    yield from _of_excel(w.empty_sheet, _rejected("the sheet is empty"))
    count = _refused((1, "unreadable_date", "DAY"), said="its own count of days")
    yield from _of_excel(w.day_as_a_serial_date, count)
    taken = _refused((6, "bad_identifier", "ID"), said="taken it for a date")
    yield from _of_excel(w.subject_as_a_date, taken, n_rows=6)
    yield from _of_excel(w.cut_by_the_old_format, _rejected("exactly 65,536 rows", "CSV"))
    yield from _of_excel(w.cut_by_the_new_format, _rejected("exactly 1,048,576 rows", "CSV"))
    yield from _of_excel(w.cell_far_away, _rejected("a cell far away from all others"))
    yield from _of_excel(w.title_above, _rejected(UNKNOWN))
    yield from _of_excel(w.entities, _rejected("declares entities"))
    yield from _of_excel(w.bomb, _rejected("more than 100 times its size"))
    yield from _of_excel(w.part_outside, _rejected("points outside"))
    for damage in (w.locked, w.no_workbook, w.cut, w.flipped_bit, w.without_its_sheet):
        yield from _of_excel(damage, no_workbook)


def _archives() -> Iterator[Case]:
    a = archives
    no_gzip, no_zip = "not a sound gzip file", "not a sound zip file"
    outside = "points outside it (absolute, or with ..)"
    yield from _of_archive(a.gz_cut, "the gzip file is cut off", "after 0 unpacked bytes")
    yield from _of_archive(a.gz_cut_in_its_header, "the gzip file is cut off")
    for damage in (a.gz_with_another_sum, a.gz_flipped_bit, a.gz_not_packed, a.gz_with_something_behind):
        yield from _of_archive(damage, no_gzip, "unpacked so far: 0 bytes")
    yield from _of_archive(a.gz_of_nothing, "the file is empty")
    yield from _of_archive(a.gz_twice, "packed twice")
    yield from _of_archive(a.gz_bomb, "more than 100 times its size")
    yield from _of_archive(a.zip_cut, no_zip)
    yield from _of_archive(a.zip_not_packed, no_zip)
    yield from _of_archive(a.zip_flipped_bit, "the zip file is damaged")
    yield from _of_archive(a.zip_that_says_less, "the zip file is damaged")
    yield from _of_archive(a.zip_of_nothing, "holds 0 files, not one")
    yield from _of_archive(a.zip_of_two, "holds 2 files, not one")
    yield from _of_archive(a.zip_of_two_of_one_name, "two files of one name")
    yield from _of_archive(a.zip_of_too_many, "more than 1,000 files")
    yield from _of_archive(a.zip_of_a_zip, "packed twice")
    for damage in (a.zip_upwards, a.zip_absolute, a.zip_of_a_drive):
        yield from _of_archive(damage, outside)
    for damage in (a.zip_of_a_link, a.zip_of_a_device):
        yield from _of_archive(damage, "a link or a device")
    yield from _of_archive(a.zip_locked, "locked with a password")
    yield from _of_archive(a.zip_uncommon, "compressed in an uncommon way")
    yield from _of_archive(a.zip_bomb, "more than 100 times its size")


def _binaries() -> Iterator[Case]:
    b = binaries
    kinds = {
        "SPSS": "sav zsav", "SPSS portable": "por", "SAS transport": "xpt5 xpt8", "Stata": "dta", "Parquet": "parquet",
    }  # fmt: skip
    for kind, names in kinds.items():
        unreadable = _rejected(f"not a {kind} file", AGAIN)
        for damage in (b.nothing, b.cut_in_its_header, b.cut_in_its_dictionary, b.zeros_in_its_middle):
            yield from _of_bytes(names, damage, unreadable)
        yield from _of_bytes(names.split()[0], b.text_by_another_name, unreadable)
    for kind, names in {"SPSS": "sav zsav", "SAS transport": "xpt5", "Stata": "dta"}.items():
        yield from _of_bytes(names, b.other_magic, _rejected(f"not a {kind} file"))
    for kind, names in {"SPSS": "sav", "SPSS portable": "por", "Stata": "dta", "Parquet": "parquet"}.items():
        yield from _of_bytes(names, b.cut_mid_row, _rejected(f"not a {kind} file"))
        yield from _of_bytes(names, b.cut_by_half_its_rows, _rejected(f"not a {kind} file"))
    records = _rejected("not a whole number of 80 byte records")
    yield from _of_bytes("xpt5 xpt8", b.cut_mid_row, records)
    yield from _of_bytes("xpt5 xpt8", b.cut_by_a_record, _rejected(LESS_SAID, "bytes; it has"), manifest=True)
    for kind, names in {"SPSS": "sav zsav", "Stata": "dta", "Parquet": "parquet"}.items():
        yield from _of_bytes(names, b.through_utf8, _rejected(f"not a {kind} file"))
        yield from _of_bytes(names.split()[0], b.ends_of_line_changed, _rejected(f"not a {kind} file"))
    yield from _of_bytes("sav", b.sav_of_more_rows, _rejected("not a SPSS file"))


def _house() -> Iterator[Case]:
    h = house
    ends: dict[Callable[[Table], Table], Rejected | Refused] = {
        h.participants_sex_in_words: _refused((1, "unknown_code", "sex"), said="F, M, X"),
        h.participants_born_too_early: _refused((2, "out_of_range", "birth_year")),
        h.participants_consent_day_first: _refused((3, "unreadable_date", "consent_date")),
        h.participants_without_consent_date: _rejected("it lacks the columns consent_date"),
        h.participants_another_feed_s_file: _rejected("it lacks the columns subject_id"),
        h.allocation_to_no_arm: _refused((1, "unknown_code", "arm"), said="ICT, TAU"),
        h.allocation_of_nobody: _refused((2, "missing_key", "subject_id")),
        h.questionnaires_unknown_instrument: _refused((1, "unknown_code", "instrument"), said="lsas_sr"),
        h.questionnaires_unknown_item: _refused((2, "unknown_item", "item")),
        h.questionnaires_answer_in_words: _refused((3, "not_whole_number", "value")),
        h.usage_unknown_event: _refused((1, "unknown_code", "event"), said="module_opened"),
        h.usage_hour_that_does_not_exist: _refused((2, "nonexistent_time", "occurred_at"), said="Europe/London"),
        h.usage_time_to_come: _refused((3, "future_time", "occurred_at")),
        h.usage_part_of_a_time: _refused((3, "unreadable_time", "occurred_at"), said=EXCEL),
        h.contacts_less_than_no_minutes: _refused((1, "out_of_range", "minutes")),
        h.contacts_minutes_in_words: _refused((1, "unreadable_number", "minutes")),
        h.contacts_unknown_kind: _refused((2, "unknown_code", "kind"), said="in_person"),
        h.adverse_events_too_severe: _refused((1, "out_of_range", "severity"), said="from 1 to 5"),
        h.adverse_events_perhaps_serious: _refused((2, "unknown_code", "serious"), said="Y, N"),
        h.adverse_events_impossible_onset: _refused((3, "unreadable_date", "onset_date")),
        h.intercurrent_events_unknown_kind: _refused((1, "unknown_code", "kind")),
    }
    for damage, end in ends.items():
        feed = next(name for name in KINDS if damage.__name__.startswith(f"{name}_"))
        yield from _of_table(feed, damage, end)
    twice = _refused((1, "conflicting_duplicate", ""), (6, "conflicting_duplicate", ""))
    yield from _of_table("usage", h.usage_number_used_twice, twice, n_rows=6)


def _dialects() -> Iterator[Case]:
    d = dialects
    ends: dict[str, dict[Callable[[Table], Table], Rejected | Refused]] = {
        "redcap": {
            d.redcap_without_events: _rejected("lacks columns", "redcap_event_name"),
            d.redcap_without_a_field: _rejected("lacks columns", "gad_4"),
            d.redcap_of_another_group: _refused((2, "wrong_site", "redcap_data_access_group")),
            d.redcap_label_among_codes: _refused((3, "not_whole_number", "gad_1")),
            d.redcap_survey_not_completed: _refused((4, "missing_key", "gad_timestamp")),
            d.redcap_labels_for_headings: _rejected("lacks columns", "record_id"),
        },
        "redcap_labels": {
            d.redcap_labels_unknown_label: _refused((1, "unknown_code", "sex")),
            d.redcap_labels_renamed_heading: _rejected("lacks columns", "sex"),
            d.redcap_labels_day_of_another_country: _refused((2, "unreadable_date", "consented")),
            d.redcap_labels_without_records: _rejected("lacks columns", "record_id"),
        },
        "qualtrics": {
            d.qualtrics_third_row_deleted: _rejected("the third line is not the row of"),
            d.qualtrics_one_header_row: _rejected("the third line is not the row of"),
            d.qualtrics_without_finished: _rejected("no column Finished"),
            d.qualtrics_of_another_clock: _rejected("by the clock of America/Denver"),
            d.qualtrics_texts_for_numbers: _refused((1, "not_whole_number", "Q7_1")),
            d.qualtrics_of_nobody: _refused((2, "missing_key", "Subject")),
            d.qualtrics_day_of_another_country: _refused((3, "unreadable_time", "EndDate")),
        },
        "limesurvey": {
            d.limesurvey_texts_for_codes: _rejected("lacks columns", "GAD[SQ1]"),
            d.limesurvey_text_for_an_answer: _refused((1, "not_whole_number", "GAD[SQ1]")),
            d.limesurvey_answer_beyond_the_scale: _refused((2, "out_of_range", "GAD[SQ2]")),
            d.limesurvey_of_nobody: _refused((3, "missing_key", "token")),
            d.limesurvey_without_days: _rejected("submitdate"),
        },
        "moodle": {
            d.moodle_without_descriptions: _rejected("no column Description"),
            d.moodle_in_another_language: _rejected("lacks columns", "Time"),
            d.moodle_time_of_another_language: _refused((1, "unreadable_time", "Time")),
            d.moodle_unknown_event: _refused((2, "unknown_code", "Event name")),
            d.moodle_impossible_time: _refused((3, "unreadable_time", "Time")),
        },
    }  # fmt: skip
    for kind, of_kind in ends.items():
        for damage, end in of_kind.items():
            yield from _of_table(kind, damage, end)


CASES: dict[str, Case] = {
    case.name: case
    for part in (_tables, _text, _json, _excel, _archives, _binaries, _house, _dialects)
    for case in part()
}
