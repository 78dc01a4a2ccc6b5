"""What happens to JSON: bytes → bytes, of objects of the wide table one a line, in an array, or as a dataset."""

from __future__ import annotations

import json

from tests.corpus.table import CANARY


def cut_mid_text(content: bytes) -> bytes:
    return content[: content.rindex(CANARY.encode()) + 4]


def cut_mid_character(content: bytes) -> bytes:
    at = max(i for i, byte in enumerate(content) if byte >= 0x80)
    return content[:at]


def cut_between_records(content: bytes) -> bytes:
    """Behind the last but one record, and the comma after it."""
    end = b"},\n" if b"},\n" in content else b"], [" if b"], [" in content else b"\n"
    return content[: content.rstrip().rindex(end) + len(end)]


def two_in_a_line(content: bytes) -> bytes:
    return content.replace(b"}\n{", b"} {", 1)


def line_of_something_else(content: bytes) -> bytes:
    first, rest = content.split(b"\n", 1)
    return first + f"\n-- {CANARY} --\n".encode() + rest


def list_in_a_cell(content: bytes) -> bytes:
    return content.replace(b'"G1": "1"', f'"G1": ["{CANARY}"]'.encode(), 1)


def object_in_a_cell(content: bytes) -> bytes:
    return content.replace(b'"DAY": "2026-01-05"', f'"DAY": {{"{CANARY}": 1}}'.encode(), 1)


def list_for_an_object(content: bytes) -> bytes:
    return f'["{CANARY}"]\n'.encode() + content


def no_number(content: bytes) -> bytes:
    return content.replace(b'"G1": "1"', b'"G1": NaN', 1)


def true_for_a_number(content: bytes) -> bytes:
    return content.replace(b'"G1": "1"', b'"G1": true', 1)


def nul_escaped(content: bytes) -> bytes:
    return content.replace(b'"here"', b'"he\\u0000re"', 1)


def half_a_character_escaped(content: bytes) -> bytes:
    return content.replace(b'"here"', b'"\\ud83d"', 1)


def nul_itself(content: bytes) -> bytes:
    return content.replace(b'"here"', b'"he\0re"', 1)


def one_letter_in_latin_1(content: bytes) -> bytes:
    return content.replace(b'"here"', b'"h\xe9re"', 1)


def name_twice_in_an_object(content: bytes) -> bytes:
    """Two values under one name: nobody knows which is meant."""
    return content.replace(b'"G1": "1"', b'"G1": "1", "G1": "2"', 1)


def deep(content: bytes) -> bytes:
    """A value nested a hundred thousand deep, in the first record."""
    return content.replace(b'"G1": "1"', b'"G1": ' + b"[" * 100_000 + b"]" * 100_000, 1)


def endless_text(content: bytes) -> bytes:
    """One that begins in the last record and never ends."""
    return content[: content.rindex(CANARY.encode())] + CANARY.encode() * ((41 << 20) // len(CANARY))


def behind_the_end(content: bytes) -> bytes:
    return content + f"{CANARY}\n".encode()


def key_without_quotes(content: bytes) -> bytes:
    return content.replace(b'"ID"', b"ID", 1)


def single_quotes(content: bytes) -> bytes:
    return content.replace(b'"', b"'")


def lines_for_an_array(content: bytes) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in json.loads(content)).encode()


def array_for_lines(content: bytes) -> bytes:
    return json.dumps([json.loads(line) for line in content.splitlines()]).encode()


def array_in_an_object(content: bytes) -> bytes:
    return b'{"data": ' + content + b"}"


def one_record_more_than_stated(content: bytes) -> bytes:
    return content.replace(b'"records": 5', b'"records": 4')


def without_its_columns(content: bytes) -> bytes:
    return content.replace(b'"columns"', b'"fields"')


def without_its_rows(content: bytes) -> bytes:
    return content.replace(b'"rows"', b'"data"')


def column_without_a_name(content: bytes) -> bytes:
    return content.replace(b'"name": "ID", ', b"")


def one_value_less(content: bytes) -> bytes:
    return content.replace(b'"here", ', b"", 1)


def object_for_a_row(content: bytes) -> bytes:
    """The last one."""
    at = content.rindex(b'["D-')
    return content[:at] + b'{"ID": "D-1"}' + content[content.index(b"]", at) + 1 :]


def other_table(_: bytes) -> bytes:
    """Sound JSON of something else."""
    return json.dumps([{"settings": CANARY}]).encode()


def xapi_verb_unknown(content: bytes) -> bytes:
    return content.replace(b"verbs/completed", f"verbs/{CANARY}".encode(), 1)


def xapi_duration_in_months(content: bytes) -> bytes:
    return content.replace(b"PT5M", b"P5M", 1)


def xapi_time_without_a_day(content: bytes) -> bytes:
    return content.replace(b"2026-01-05T10:00:00Z", b"10:00", 1)


def xapi_id_used_twice(content: bytes) -> bytes:
    return content.replace(b"D-xapi-2", b"D-xapi-1", 1)


def xapi_no_statements(_: bytes) -> bytes:
    return json.dumps({"event": CANARY}).encode() + b"\n"
