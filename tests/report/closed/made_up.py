"""A small trial's unblinded snapshot, made up row by row: every table as its dictionary says, most columns empty.

Eight people of two arms at two sites. Those of the arm without the programme are `U…`; U4 used it all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines import effects
from pipelines.study.load import SCHEMAS
from pipelines.trial_folder import make_trial_folder
from pipelines.warehouse.dictionary import load_dictionary
from pipelines.warehouse.published import UNBLINDED, UNBLINDED_MANIFEST
from pipelines.workspace import Workspace

SNAPSHOT = "20261130T020000Z-0123abcd"
GIVEN, USUAL = "ZQARMGIVEN", "ZQARMUSUAL"
LABELS = ("ZQ label of the programme", "ZQ label of usual care")
RANDOMISED = date(2026, 2, 2)
SITES = ("oxford", "hong_kong")
TABLES = (
    "meta.snapshot",
    "meta.table_dictionary",
    "meta.column_dictionary",
    "analysis.adsl",
    "analysis.adqs",
    "analysis.adresp",
    "analysis.adeng",
    "analysis.adadh",
    "analysis.adae",
    "analysis.adice",
    "engagement.session",
    "quality.delivery",
    "quality.expected",
    "quality.expected_item",
    "quality.instrument",
)
Rows = Sequence[Mapping[str, Any]]


def workspace_of(root: Path, tables: Mapping[str, Rows], text: str = "", lacking: Sequence[str] = ()) -> Workspace:
    """A workspace with these rows as its current snapshot; `text`: the study file, by default that of `study_text`."""
    file = root / "protocol.yaml"
    file.write_text(text or study_text(), encoding="utf-8")
    workspace = Workspace(root / "trial")
    make_trial_folder(workspace, file)
    folder = effects.make_directory(workspace.snapshots / SNAPSHOT)
    dictionary = load_dictionary()
    known = [name for name in TABLES if name not in lacking]
    with duckdb.connect(str(folder / UNBLINDED)) as con:
        for name in known:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
            types = dictionary[name].types
            con.execute(f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in types.items())})")
            for row in tables.get(name, ()):
                assert row.keys() <= types.keys(), (name, row)
                marks = ", ".join("?" * len(row))
                con.execute(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", [*row.values()])
    digests = {name: {"digest": "ab" * 32} for name in known}
    content = {"files": {UNBLINDED: {"tables": digests}}}
    (folder / UNBLINDED_MANIFEST).write_text(json.dumps(content), encoding="utf-8")
    effects.point(workspace.published / "current", f"snapshots/{SNAPSHOT}")
    return workspace


def study_text() -> str:
    """iCT-SAD, its arms under names that are found wherever they come out."""
    text = (SCHEMAS / "studies" / "ict_sad.yaml").read_text(encoding="utf-8")
    text = text.replace("{arm: ICT, label: Internet-delivered cognitive therapy", f"{{arm: {GIVEN}, label: {LABELS[0]}")
    text = text.replace("{arm: TAU, label: Treatment as usual", f"{{arm: {USUAL}, label: {LABELS[1]}")
    return text.replace("arms: [ICT]", f"arms: [{GIVEN}]")


def small_trial() -> dict[str, Rows]:
    """The eight people, and one who failed screening."""
    people = [*_people()]
    return {
        **nobody(),
        "analysis.adsl": [*people, {"usubjid": "ZQPERSON", "siteid": "oxford", "eosstt": "SCREEN FAILURE"}],
        "analysis.adqs": [*_scores()],
        "analysis.adresp": [*_responses()],
        "analysis.adeng": [
            {"usubjid": f"G{i}", "paramcd": code, "aperiod": "TREATMENT", "param": param, "aval": value, "paramn": n}
            for n, (code, param, values) in enumerate(
                [
                    ("UPTAKE", "Used the programme at least once", (1, 1, 0, None)),
                    ("NSESS", "Sessions", (3, 5, 0, None)),
                ]
            )
            for i, value in enumerate(values, 1)
        ],
        "analysis.adadh": [
            {"usubjid": f"G{i}", "defid": "d", "param": "Half of the modules", "avalc": verdict}
            for i, verdict in enumerate(("Y", "N", "N", None), 1)
        ],
        "analysis.adae": [
            {"usubjid": person, "aeseq": n, "aeser": serious, "aerel": related, "aesev": severity, "trtemfl": "Y"}
            for person, n, serious, related, severity in (
                ("G1", 1, "N", "Y", "MILD"),
                ("G1", 2, "Y", "Y", "SEVERE"),
                ("G2", 1, "N", "N", "MILD"),
                ("U1", 1, "N", "U", "MODERATE"),
            )
        ],
        "analysis.adice": [
            {"usubjid": person, "iceseq": n, "icecat": kind}
            for person, n, kind in (("G3", 1, "non_usage"), ("G3", 2, "non_usage"), ("U4", 1, "crossover"))
        ],
        "engagement.session": [_session("G1", 1), _session("G2", 2), _session("U4", 3)],
        "quality.delivery": [
            {"delivery_id": site, "site_id": site, "feed": "usage", "status": "accepted"} for site in SITES
        ],
        "quality.expected": [*_expected()],
        "quality.instrument": [
            {"paramcd": code, "param": code, "instrument": code, "title": code, "version": "1", "verified": False}
            for code in ("LSASTOT", "NEVERSENT")
        ],
        "quality.expected_item": [
            {"usubjid": "G1", "instrument": "phq9", "avisit": "BASELINE", "week_no": 0, "item": item, "state": state}
            for item, state in (("1", "left_blank"), ("2", "coded_missing"), ("3", "not_applicable"))
        ],
    }


def nobody() -> dict[str, Rows]:
    """The same trial before anybody came."""
    identity = {
        "snapshot_id": SNAPSHOT,
        "as_of": date(2026, 11, 30),
        "built_at": datetime(2026, 11, 30, 2, tzinfo=UTC),
        "code_version": "0.1.0",
        "study_digest": "cd" * 32,
    }
    return {"meta.snapshot": [identity]}


def _people() -> Iterator[dict[str, Any]]:
    """G1–G4 given the programme, U1–U4 not; the first two of each at Oxford. G4 and U1 left."""
    for arm, letter in ((GIVEN, "G"), (USUAL, "U")):
        for i in range(1, 5):
            left = f"{letter}{i}" in ("G4", "U1")
            yield {
                "usubjid": f"{letter}{i}",
                "siteid": SITES[i > 2],
                "arm": arm,
                "trt01p": LABELS[arm == USUAL],
                "randdt": RANDOMISED,
                "eosstt": "DISCONTINUED" if left else "ONGOING",
                "eosdt": date(2026, 3, 1) if left else None,
                "dcsreas": "NO TIME" if letter == "G" and left else None,
                "enrlfl": "Y",
                "ittfl": "Y",
            }


def _scores() -> Iterator[dict[str, Any]]:
    """LSAS at baseline and week 15: falls of 20 and 40 with the programme, of 10 without."""
    for person, base, value in (("G1", 80, 60), ("G2", 90, 50), ("U2", 70, 60), ("U3", None, 75)):
        row = {"usubjid": person, "paramcd": "LSASTOT", "param": "LSAS-SR total", "parcat1": "lsas_sr", "anl01fl": "Y"}
        if base is not None:
            yield {**row, "aseq": 1, "avisit": "BASELINE", "aval": base, "base": base}
        change = None if base is None else value - base
        yield {**row, "aseq": 2, "avisit": "WEEK 15", "aval": value, "base": base, "chg": change}
    yield {**row, "usubjid": "G3", "aseq": 1, "avisit": "WEEK 15"}  # too many items missing for a score
    yield {**row, "usubjid": "G1", "aseq": 9, "avisit": "WEEK 15", "aval": 999, "anl01fl": None}  # not the visit's


def _responses() -> Iterator[dict[str, Any]]:
    for person, answer in (("G1", "N"), ("G2", "Y"), ("U2", "N"), ("U3", "NA")):
        row = {"usubjid": person, "avisit": "WEEK 15", "defid": "lsas_response", "paramcd": "RESP"}
        yield {**row, "param": "Response", "avalc": answer}


def _session(person: str, day: int) -> dict[str, Any]:
    return {"usubjid": person, "session_no": 1, "started_at": datetime(2026, 2, 2 + day, 12, tzinfo=UTC)}


def _expected() -> Iterator[dict[str, Any]]:
    """PHQ-9 at baseline of all; at week 15 of who is there, one owed; the follow-up of the one arm is yet to come."""
    states = {
        "BASELINE": dict.fromkeys(("G1", "G2", "G3", "G4", "U1", "U2", "U3", "U4"), "received"),
        "WEEK 15": {
            **dict.fromkeys(("G1", "G2", "U2"), "received"),
            **dict.fromkeys(("G4", "U1"), "withdrawn_before_due"),
            **dict.fromkeys(("G3", "U3", "U4"), "overdue"),
        },
        "FOLLOW-UP": {
            **dict.fromkeys(("G1", "G2", "G3"), "not_due"),
            "G4": "withdrawn_before_due",
            **dict.fromkeys(("U1", "U2", "U3", "U4"), "structurally_absent"),
        },
    }
    due = {"BASELINE": RANDOMISED, "WEEK 15": date(2026, 6, 14), "FOLLOW-UP": date(2026, 12, 30)}
    for avisit, of_visit in states.items():
        for person, state in of_visit.items():
            form = {"usubjid": person, "instrument": "phq9", "avisit": avisit, "week_no": 0, "state": state}
            yield {**form, "due_on": due[avisit], "n_items": 9}
