"""Whatever is done to a file, every record is somewhere, and no cell is ever shown."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.study.load import Protocol
from schemas.feeds import FEEDS
from tests.validation.deliver import deliver
from tests.validation.test_house_format import GOOD
from tests.validation.test_mapping import PHQ, REDCAP, table

Made = tuple[bytes, str, str, str]  # content, site, feed, name
RELAXED = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
CELLS = st.one_of(
    st.sampled_from(["", "0", "2", "2.0", "-99", "999", "NA", "9", "x", "A1", "A 1", "2026-01-05", "2026-03-29T01:30",
                     "2025-10-26T01:30", "2026-01-05T10:00:00Z", "2030-01-01", "ICT", "system", "login", "phq9", "1e5",
                     "baseline_arm_1", "oxford", "開始時", "無回答", "2026/01/05", "\u3000", "表", '"', '""', "a\nb",
                     "\r", "1.23E+05", "=1+1", "[not completed]", "'; DROP TABLE x; --"]),
    st.text(max_size=8),
)  # fmt: skip


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set('",\r\n') else cell


@st.composite
def house_files(draw: st.DrawFn) -> Made:
    feed = draw(st.sampled_from(list(FEEDS)))
    header = FEEDS[feed].header
    order = draw(st.permutations(range(len(header))))
    row = st.one_of(
        st.just(GOOD[feed].split(",")),
        st.lists(CELLS, min_size=len(header), max_size=len(header)),
        st.lists(CELLS, max_size=len(header) + 2),
    )
    rows = draw(st.lists(row, max_size=8))
    damaged = [[quoted(r[i]) for i in order] if len(r) == len(header) else [quoted(c) for c in r] for r in rows]
    text = table([header[i] for i in order], *damaged)
    return text.encode("utf-8", "replace"), draw(st.sampled_from(["oxford", "miyazaki"])), feed, "f.csv"


@st.composite
def wide_files(draw: st.DrawFn) -> Made:
    if draw(st.booleans()):
        header, site, name, encoding = REDCAP, "oxford", "x_DATA_.csv", "utf-8"
        good = ["1", "baseline_arm_1", "oxford", "2026-01-05 10:00", *"012301230"]
    else:
        header, site, name, encoding = ["症例番号", "時期", "回答日", *PHQ], "miyazaki", "x.csv", "cp932"
        good = ["M1", "開始時", "2026/01/05", *"012301230"]
    changed = st.dictionaries(st.integers(0, len(header) - 1), CELLS, max_size=4)
    rows = [
        [quoted(change.get(i, cell)) for i, cell in enumerate(good)] for change in draw(st.lists(changed, max_size=8))
    ]
    return table(header, *rows).encode(encoding, "replace"), site, "questionnaires", name


@st.composite
def json_files(draw: st.DrawFn) -> Made:
    import json

    value = st.one_of(CELLS, st.none(), st.booleans(), st.integers(), st.floats(), st.lists(st.integers(), max_size=2))
    key = st.sampled_from(["id", "user", "ts", "role", "verb", "module", "seconds", "other"])
    good = {"id": "e1", "user": "A1", "ts": "2026-01-05T10:00:00Z", "role": "system", "verb": "login"}
    changes = draw(st.lists(st.dictionaries(key, value, max_size=4), max_size=8))
    lines = [json.dumps({**good, **change}, ensure_ascii=draw(st.booleans())) for change in changes]
    broken = draw(st.lists(st.sampled_from(["", "{", "[]", "{}", "x", '{"id": 1} {"id": 2}']), max_size=3))
    text = "\n".join(draw(st.permutations([*lines, *broken])))
    return text.encode("utf-8", "replace"), draw(st.sampled_from(["oxford", "hong_kong"])), "usage", "f.jsonl"


FILES = st.one_of(house_files(), wide_files(), json_files())


@RELAXED
@given(FILES)
def test_every_record_is_accepted_quarantined_or_a_duplicate(tmp_path: Path, ict_sad: Protocol, made: Made) -> None:
    content, site, feed, name = made
    read = deliver(tmp_path, ict_sad, content, site, feed, name)  # checks that the counts add up
    if read.rows.rejected is None and feed != "questionnaires":
        assert read.accepted.height == read.rows.n_accepted
    keys = [*(["source_column"] if "source_column" in read.accepted.columns else [])]
    if read.accepted.height:
        assert not read.accepted.select("record_key").is_duplicated().any()
        assert not read.accepted["record_key"].has_nulls()
        assert not read.accepted.select("row_no", *keys, "record_key").is_duplicated().any()


@RELAXED
@given(FILES, st.data())
def test_damaged_bytes_end_in_rows_or_in_one_reason(
    tmp_path: Path, ict_sad: Protocol, made: Made, data: st.DataObject
) -> None:
    content, site, feed, name = made
    damage: list[Callable[[bytes, int, bytes], bytes]] = [
        lambda b, at, _: b[:at],
        lambda b, at, new: b[:at] + new + b[at:],
        lambda b, at, new: b[:at] + new + b[at + 1 :],
    ]
    if data.draw(st.booleans(), label="packed"):
        content, name = gzip.compress(content, mtime=0), name + ".gz"
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        content = data.draw(st.sampled_from(damage))(content, at, data.draw(st.binary(min_size=1, max_size=3)))
    read = deliver(tmp_path, ict_sad, content, site, feed, name)
    assert read.rows.rejected is None or len(read.rows.rejected) > 20


CANARY = "Kanarienvogel"


@pytest.mark.parametrize("feed", list(FEEDS))
def test_no_cell_is_shown_whatever_column_it_spoils(tmp_path: Path, ict_sad: Protocol, feed: str) -> None:
    header, good = FEEDS[feed].header, GOOD[feed].split(",")
    rows = [[CANARY + " " + str(n) if i == n else cell for i, cell in enumerate(good)] for n in range(len(header))]
    rows += [[f"{CANARY} 17"] * len(header), [f"{CANARY}"], [f"=cmd|{CANARY}!A1"] * (len(header) + 1)]
    rows += [[*good[:-1], CANARY], [*good[:-1], CANARY + "2"]]
    for text in (table(header, *rows), table(header, *rows) + f'"{CANARY}', table([*header[1:], "x"], *rows)):
        read = deliver(tmp_path, ict_sad, text, "oxford", feed)
        assert CANARY not in read.texts
    assert deliver(tmp_path, ict_sad, table(header, *rows), "oxford", feed).rows.n_quarantined > 1


def test_no_cell_of_other_formats_is_shown(tmp_path: Path, ict_sad: Protocol) -> None:
    line = f'{{"id": "{CANARY} 1", "user": ["{CANARY}"], "ts": "{CANARY}", "role": "{CANARY}", "verb": "{CANARY}"}}\n'
    lines = line + line.replace("[", "").replace("]", "") + f"{CANARY}\n"
    assert CANARY not in deliver(tmp_path, ict_sad, lines, "oxford", "usage", "f.jsonl").texts
    rows = [[CANARY + " x"] * len(REDCAP), ["1", CANARY, "oxford", CANARY, *[CANARY] * 9]]
    read = deliver(tmp_path, ict_sad, table(REDCAP, *rows), "oxford", "questionnaires", "x_DATA_.csv")
    assert CANARY not in read.texts and read.rows.n_quarantined == 2
    wide = table(["症例番号", "時期", "回答日", *PHQ], [CANARY + " x"] * 12).encode("cp932")
    for content in (wide, wide + b"\x81", wide.replace(b"\n", b"\0\n")):
        assert CANARY not in deliver(tmp_path, ict_sad, content, "miyazaki", "questionnaires", "x.csv").texts
    assert CANARY not in deliver(tmp_path, ict_sad, CANARY, "hong_kong", "participants", "f.sav").texts
