"""Whatever happened to an export on its way, it ends in rows and quarantine or is rejected; nobody is named."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.landing.dialects import test_limesurvey, test_moodle, test_qualtrics, test_redcap, test_xapi
from tests.landing.dialects.site import csv_text, sent, site_with

GOOD: dict[str, tuple[str, dict[str, Any], str]] = {
    "redcap": ("questionnaires", test_redcap.ANSWERS, csv_text(test_redcap.HEADER, test_redcap.ROWS * 5)),
    "redcap people": ("participants", test_redcap.PEOPLE, csv_text(test_redcap.HEADER, test_redcap.ROWS * 5)),
    "redcap labels": (
        "participants",
        {**test_redcap.PEOPLE, "dialect": {"name": "redcap", "export": "labels", "dictionary": "project.csv"}},
        csv_text(test_redcap.LABELS, test_redcap.LABELLED * 5),
    ),
    "qualtrics": ("questionnaires", test_qualtrics.SOURCE, test_qualtrics.export(*[test_qualtrics.GOOD] * 9)),
    "limesurvey": (
        "questionnaires",
        test_limesurvey.SOURCE,
        csv_text(test_limesurvey.header("GAD[SQ{n}]"), [test_limesurvey.DONE] * 20),
    ),
    "moodle": ("usage", test_moodle.SOURCE, csv_text(test_moodle.HEADER, [test_moodle.row(test_moodle.OPENED)] * 20)),
    "xapi": ("usage", test_xapi.SOURCE, "\n".join(json.dumps(test_xapi.statement(n)) for n in range(20))),
}


def damaged(good: str) -> Iterator[bytes]:
    """The same file after each kind of accident, the same ones every time."""
    chance = random.Random(len(good))
    content = good.encode()
    lines = good.split("\n")
    yield from (content[: len(content) * n // 12] for n in range(12))
    yield from ("\n".join(lines[:n]).encode() for n in (1, 2, 3))
    yield "\n".join(lines[1:]).encode()
    yield "\n".join(reversed(lines)).encode()
    yield good.replace(",", ";").encode()
    yield good.replace(",", ",,").encode()
    yield good.replace('"', "").encode()
    yield good.replace('"', '""""').encode()
    yield content.replace(b"e", b"\xff", 3)
    yield content.replace(b"1", b"\0", 1)
    yield good.encode("utf-16")
    yield good.replace("1", "１").encode()
    yield ",".join(["x"] * 30).encode() + b"\n" + content
    for _ in range(12):
        spoilt = bytearray(content)
        for _ in range(chance.randint(1, 30)):
            spoilt[chance.randrange(len(spoilt))] = chance.choice(b'0a,"\n{}[]: \xe3')
        yield bytes(spoilt)


@pytest.mark.parametrize("name", GOOD)
def test_no_accident_goes_further_than_the_file(tmp_path: Path, ict_sad: Protocol, name: str) -> None:
    feed, facts, good = GOOD[name]
    dictionary = tmp_path / "project.csv"
    dictionary.write_text(csv_text(test_redcap.DICTIONARY, test_redcap.FIELDS), encoding="utf-8")
    protocol = site_with(ict_sad, (feed, facts), dictionary=dictionary)
    assert sent(tmp_path / "good", protocol, feed, good, "export").rows.n_rows
    ends = set()
    for number, content in enumerate(damaged(good)):
        read = sent(tmp_path / str(number), protocol, feed, content, "export")  # raises for a record lost or doubled
        assert read.rows.rejected is None or len(read.rows.rejected) > 20
        assert "Person" not in read.texts and "192.0.2" not in read.texts
        ends.add(read.rows.rejected is None)
    assert ends == {True, False}
