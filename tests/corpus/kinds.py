"""Every kind of file that the sites of the corpus send: one good file of each, and the study that reads it.

Each site's good files are of its own people; the same kind damaged is of others, so that nothing in a damaged file
can replace what a good one says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from pipelines.study.load import SCHEMAS
from schemas.feeds import FEEDS
from tests.corpus import writers
from tests.corpus.table import CANARY, Table
from tests.landing.dialects.site import csv_text
from tests.landing.dialects.test_redcap import DICTIONARY
from tests.validation.test_house_format import GOOD as HOUSE_ROWS

N_ROWS = 5
DAY = "2026-01-05"
MAIL = f"{CANARY}@example.org"
ITEMS = tuple(f"G{n}" for n in range(1, 8))
DICTIONARY_NAME = "project.csv"
VERBS = "http://adlnet.gov/expapi/verbs/"

# How the study file reads a wide row; every file has a column `MAIL` that no feed knows.
WIDE: dict[str, Any] = {
    "columns": {"subject_id": "ID", "visit": "VISIT", "completed_at": "DAY"},
    "values": {"visit": {"1": "BASELINE", "開始時": "BASELINE"}},
    "site_column": {"SITE": ["here"]},
    "forms": [{"instrument": "gad7", "items": {"{n}": "G{n}"}}],
}


@dataclass(frozen=True)
class Kind:
    """One kind of file. `table` gives the good rows of the people whose ids begin with a letter; `source` is what
    the study file says of it, None where it is in the house format."""

    name: str
    site: str
    feed: str
    file_name: str
    table: Callable[[str], Table]
    write: writers.Writer = writers.csv
    source: dict[str, Any] | None = None

    def good(self, whose: str) -> bytes:
        return self.write(self.table(whose))

    @property
    def entry(self) -> dict[str, Any]:
        """Its source in the study file. What is damaged is mostly less: nothing is withdrawn for that."""
        assert self.source is not None
        return {"source": self.name, "files": self.file_name, "scope": "incremental", **self.source}


def ids(kind: str, whose: str) -> Iterator[tuple[int, str]]:
    """The people in a kind's file, numbered."""
    return ((n, f"{whose}-{kind}-{n}") for n in range(1, N_ROWS + 1))


def answers(n: int) -> tuple[str, ...]:
    """What person n of every file answers to the seven items."""
    return tuple(str((n + item) % 4) for item in range(7))


def wide(kind: str, whose: str, *, visit: str) -> Table:
    rows = ((subject, visit, DAY, "here", *answers(n), MAIL) for n, subject in ids(kind, whose))
    return Table(("ID", "VISIT", "DAY", "SITE", *ITEMS, "MAIL"), tuple(rows))


def house(feed: str, whose: str) -> Table:
    """Rows in the house format, of people of their own; names of columns that nobody knows stand behind."""
    header = FEEDS[feed].header
    rows = []
    for n, subject in ids(feed, whose):
        row = HOUSE_ROWS[feed].split(",")
        for key in FEEDS[feed].key[:1]:
            row[header.index(key)] = f"{whose}-{feed}-{n}"
        row[header.index("subject_id")] = subject
        rows.append((*row, MAIL))
    return Table((*header, "MAIL"), tuple(rows))


def redcap(whose: str) -> Table:
    header = ("record_id", "redcap_event_name", "redcap_data_access_group", "gad_timestamp")
    rows = (
        (subject, "base_arm_1", "here", f"{DAY} 10:00:00", *answers(n), "2", MAIL)
        for n, subject in ids("redcap", whose)
    )
    return Table((*header, *(f"gad_{n}" for n in range(1, 8)), "gad_complete", "mail"), tuple(rows))


def redcap_labels(whose: str) -> Table:
    rows = (
        (subject, "Base (Arm 1: All)", "Female", "Checked", "Unchecked", DAY, "Complete", MAIL)
        for _, subject in ids("redcap_labels", whose)
    )
    header = ("Record ID", "Event Name", "Sex", "Why (choice=Work)", "Why (choice=Home)", "Consented", "Complete?")
    return Table((*header, "Mail"), tuple(rows))


REDCAP_FIELDS = [
    ["record_id", "person", "", "text", "Record ID", "", "", "", "", "", ""],
    ["sex", "person", "", "radio", "Sex", "1, Female | 2, Male", "", "", "", "", ""],
    ["why", "person", "", "checkbox", "Why", "1, Work | 2, Home", "", "", "", "", ""],
    ["consented", "person", "", "text", "Consented", "", "", "date_ymd", "", "", ""],
]


def qualtrics(whose: str) -> Table:
    """Its other two header rows are its first two rows here."""
    header = ("EndDate", "Status", "IPAddress", "Finished", "Subject", *(f"Q7_{n}" for n in range(1, 8)))
    told = ["endDate", "status", "ipAddress", "finished", "Subject", *(f"QID7_{n}" for n in range(1, 8))]
    third = tuple(json.dumps({"ImportId": name}) for name in told)
    rows = ((f"{DAY} 10:10:00", "0", CANARY, "1", subject, *answers(n)) for n, subject in ids("qualtrics", whose))
    return Table(header, (tuple(f"Text of {name}" for name in header), third, *rows))


def limesurvey(whose: str) -> Table:
    header = ("id", "submitdate", "lastpage", "token", *(f"GAD[SQ{n}]" for n in range(1, 8)), "firstname")
    rows = (
        (str(n), f"{DAY} 10:00:00", "3", subject, *(f"A{answer}" for answer in answers(n)), CANARY)
        for n, subject in ids("limesurvey", whose)
    )
    return Table(header, tuple(rows))


def moodle(whose: str) -> Table:
    header = ("Time", "User full name", "Affected user", "Event context", "Component", "Event name", "Description")
    rows = (
        (
            f"5/01/26, 10:00:0{n}", CANARY, "-", "Lesson: Module 1", "Lesson", "Course module viewed",
            f"The user with id '{_user(n, whose)}' viewed the 'lesson' activity with course module id '12'.",
            "web", CANARY,
        )
        for n in range(1, N_ROWS + 1)
    )  # fmt: skip
    return Table((*header, "Origin", "IP address"), tuple(rows))


def _user(n: int, whose: str) -> int:
    """Moodle numbers its users: those of the good file are below 900."""
    return n if whose == "G" else 900 + n


def xapi(whose: str) -> Table:
    """Each cell is the JSON of a part of the statement."""
    rows = []
    for n, subject in ids("xapi", whose):
        parts = {
            "id": f"{whose}-xapi-{n}",
            "actor": {"name": CANARY, "account": {"homePage": "https://ict.example", "name": subject}},
            "verb": {"id": f"{VERBS}completed", "display": {"en": CANARY}},
            "object": {"id": "https://ict.example/modules/2"},
            "timestamp": f"{DAY}T10:00:00Z",
            "result": {"duration": "PT5M"},
        }
        rows.append(tuple(json.dumps(part) for part in parts.values()))
    return Table(("id", "actor", "verb", "object", "timestamp", "result"), tuple(rows))


def statements(table: Table) -> bytes:
    lines = ("{" + ", ".join(f'"{n}": {cell}' for n, cell in zip(table.header, row, strict=True)) + "}\n"
             for row in table.rows)  # fmt: skip
    return "".join(lines).encode()


def contacts(whose: str) -> Table:
    rows = (
        (f"{whose}-latin-{n}", subject, f"{DAY}T10:00:00Z", "call", "to_participant", f"1{n},5", f"Müßig {CANARY}")
        for n, subject in ids("latin", whose)
    )
    header = ("Nr", "Person", "Zeit", "kind", "direction", "Dauer", "Name")
    return Table(header, tuple(rows))


def _wide(name: str, site: str, file_name: str, write: writers.Writer, visit: str = "1", **read: str) -> Kind:
    return Kind(
        name, site, "questionnaires", file_name, partial(wide, name, visit=visit), write, {"read": read, **WIDE}
    )


def _house(feed: str) -> Kind:
    return Kind(feed, "oxford", feed, f"{feed}.csv", partial(house, feed))


JAPANESE = "開始時"
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        *(_house(feed) for feed in FEEDS),
        _wide("csv", "oxford", "forms.csv", writers.csv, JAPANESE, format="delimited"),
        _wide(
            "utf16", "oxford", "forms.tsv", partial(writers.csv, encoding="utf-16", delimiter="\t"), JAPANESE,
            format="delimited", encoding="utf-16", delimiter="\t",
        ),
        _wide("gz", "oxford", "packed.csv.gz", writers.gzipped, JAPANESE, format="delimited"),
        _wide("zip", "oxford", "packed.csv.zip", writers.in_zip, JAPANESE, format="delimited"),
        Kind("latin", "oxford", "contacts", "kontakte.txt", contacts,
             partial(writers.csv, encoding="latin-1", delimiter=";"),
             {
                 "read": {"format": "delimited", "encoding": "latin-1", "delimiter": ";"},
                 "columns": {"contact_id": "Nr", "subject_id": "Person", "occurred_at": "Zeit", "kind": "kind",
                             "direction": "direction", "minutes": "Dauer"},
                 "numbers": {"minutes": "decimal_comma"},
             }),
        Kind("redcap", "oxford", "questionnaires", "Trial_DATA_2026.csv", redcap, writers.csv,
             {
                 "read": {"format": "delimited"},
                 "dialect": "redcap",
                 "columns": {"subject_id": "record_id", "visit": "redcap_event_name"},
                 "site_column": {"redcap_data_access_group": ["here"]},
                 "values": {"visit": {"base_arm_1": "BASELINE"}},
                 "forms": [{"instrument": "gad7", "completed_at": "gad_timestamp", "items": {"{n}": "gad_{n}"}}],
             }),
        Kind("redcap_labels", "oxford", "participants", "Trial_DATA_LABELS_2026.csv", redcap_labels, writers.csv,
             {
                 "read": {"format": "delimited"},
                 "dialect": {"name": "redcap", "export": "labels", "dictionary": DICTIONARY_NAME},
                 "columns": {"subject_id": "record_id", "sex": "sex", "status_reason": "why",
                             "consent_date": "consented"},
                 "values": {"sex": {"1": "F", "2": "M"}},
                 "constants": {"status": "enrolled"},
             }),
        _wide("sav", "hong_kong", "forms.sav", writers.sav, format="sav"),
        _wide("zsav", "hong_kong", "forms.zsav", writers.zsav, format="zsav"),
        _wide("por", "hong_kong", "forms.por", writers.por, format="por"),
        _wide("xpt5", "hong_kong", "forms_v5.xpt", writers.xpt5, format="xpt"),
        _wide("xpt8", "hong_kong", "forms_v8.xpt", writers.xpt8, format="xpt"),
        _wide("dta", "hong_kong", "forms.dta", writers.dta, format="dta"),
        _wide("xlsx", "hong_kong", "forms.xlsx", writers.xlsx, JAPANESE, format="xlsx"),
        Kind("qualtrics", "hong_kong", "questionnaires", "survey.csv", qualtrics, writers.csv,
             {
                 "read": {"format": "delimited"},
                 "dialect": "qualtrics",
                 "columns": {"subject_id": "Subject", "completed_at": "EndDate"},
                 "constants": {"visit": "BASELINE"},
                 "forms": [{"instrument": "gad7", "items": {"{n}": "Q7_{n}"}}],
             }),
        Kind("limesurvey", "hong_kong", "questionnaires", "results-survey.csv", limesurvey, writers.csv,
             {
                 "read": {"format": "delimited"},
                 "dialect": "limesurvey",
                 "columns": {"subject_id": "token", "completed_at": "submitdate"},
                 "constants": {"visit": "BASELINE"},
                 "values": {"value": {"A{n}": "{n}"}},
                 "forms": [{"instrument": "gad7", "items": {"{n}": "GAD[SQ{n}]"}}],
             }),
        _wide("cp932", "miyazaki", "forms.txt", partial(writers.csv, encoding="cp932"), JAPANESE,
              format="delimited", encoding="cp932"),
        _wide("jsonl", "miyazaki", "forms.jsonl", writers.json_lines, JAPANESE, format="jsonl"),
        _wide("json", "miyazaki", "forms.json", writers.json_array, JAPANESE, format="json"),
        _wide("dataset_json", "miyazaki", "qs.json", writers.dataset_json, JAPANESE, format="dataset-json"),
        _wide("ndjson", "miyazaki", "qs.ndjson", writers.dataset_ndjson, JAPANESE, format="dataset-json"),
        _wide("parquet", "miyazaki", "forms.parquet", writers.parquet, JAPANESE, format="parquet"),
        Kind("moodle", "miyazaki", "usage", "logs.csv", moodle, writers.csv,
             {
                 "read": {"format": "delimited"},
                 "dialect": "moodle",
                 "dates": {"occurred_at": "%d/%m/%y, %H:%M:%S"},
                 "values": {"event": {"Course module viewed": "module_opened"},
                            "module": {"Lesson: Module {n}": "core_0{n}"}},
             }),
        Kind("xapi", "miyazaki", "usage", "statements.jsonl", xapi, statements,
             {
                 "read": {"format": "jsonl"},
                 "dialect": "xapi",
                 "values": {"event": {f"{VERBS}completed": "module_completed"},
                            "module": {"https://ict.example/modules/{n}": "core_0{n}"}},
             }),
    )
}  # fmt: skip


def write_study(folder: Path) -> Path:
    """The built-in study with these kinds of files at its sites, and the data dictionary beside it."""
    path = folder / "study.yaml"
    text = (SCHEMAS / "studies" / "ict_sad.yaml").read_text(encoding="utf-8")
    study = yaml.safe_load(text)
    for site in study["sites"]:
        site["feeds"] = {}
        for kind in KINDS.values():
            if kind.site == site["site"] and kind.source is not None:
                site["feeds"].setdefault(kind.feed, []).append(kind.entry)
    path.write_text(json.dumps(study, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    (folder / "dictionaries").mkdir()
    (folder / "dictionaries" / DICTIONARY_NAME).write_text(csv_text(DICTIONARY, REDCAP_FIELDS), encoding="utf-8")
    return path
