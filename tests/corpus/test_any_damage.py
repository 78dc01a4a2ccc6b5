"""Whatever is done to a file of any kind, every record of it is somewhere or it is rejected, and no cell is shown.

Each reader, dialect and mapping of the corpus, with damage that nobody thought of.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.study.load import Protocol, load_protocol
from tests.corpus.kinds import KINDS, Kind, write_study
from tests.corpus.table import CANARY
from tests.validation.deliver import deliver

RELAXED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
TOKENS = st.one_of(
    st.sampled_from([b"", b"\0", b'"', b"'", b",", b";", b"\t", b"\n", b"\r\n", b"\r", b"{", b"}", b"[", b"]", b":",
                     b"\\u0000", b"\\ud800", b"\xff", b"\x80", b"\xe3", b"\x81", b"\xef\xbb\xbf", b"NaN", b"1e999",
                     b"-0", b"9" * 400, b"2026-02-30", b"1-Mar", "令和8年1月5日".encode(), "１".encode(), b"<f>1</f>",
                     CANARY.encode(), b"ImportId", b"null", b"true", b"{n}", b"../", b"PK\x03\x04", b"%d"]),
    st.binary(min_size=1, max_size=4),
)  # fmt: skip
Change = Literal["insert", "overwrite", "delete", "double", "move", "replace_all"]
PACKED = ("gz", "zip", "utf16")  # whose first line does not stand in their bytes as such
SHARE = st.floats(0, 1)  # of the way through the file


@dataclass(frozen=True)
class Edit:
    """Something put in or over, a part left out, doubled, or put elsewhere, a byte replaced wherever it stands."""

    kind: Change
    first: float
    second: float
    third: float
    token: bytes

    def __call__(self, content: bytes) -> bytes:
        size, token = len(content), self.token
        start, end = sorted((int(self.first * size), int(self.second * size)))
        part, elsewhere = content[start:end], int(self.third * (size - (end - start)))
        rest = content[:start] + content[end:]
        return {
            "insert": content[:start] + token + content[start:],
            "overwrite": content[:start] + token + content[start + len(token) :],
            "delete": rest,
            "double": content[:end] + part + content[end:],
            "move": rest[:elsewhere] + part + rest[elsewhere:],
            "replace_all": content.replace(content[start : start + 1] or b"\n", token),
        }[self.kind][:200_000]


EDITS = st.builds(Edit, st.sampled_from(get_args(Change)), SHARE, SHARE, SHARE, TOKENS)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return load_protocol(write_study(tmp_path_factory.mktemp("corpus")))


def may_name_a_column(kind: Kind, content: bytes) -> bool:
    """Whether a cell has come to stand where names do, which are told."""
    of_text = kind.source is None or kind.source["read"]["format"] == "delimited"
    return not of_text or kind.name in PACKED or CANARY.encode() in content.replace(b"\r", b"\n").partition(b"\n")[0]


@cache
def good(name: str) -> bytes:
    return KINDS[name].good("D")


@RELAXED
@given(st.sampled_from(sorted(KINDS)), st.lists(EDITS, min_size=1, max_size=4))
def test_no_damage_goes_further_than_the_file(tmp_path: Path, corpus: Protocol, name: str, changes: list[Edit]) -> None:
    kind, content = KINDS[name], good(name)
    for change in changes:
        content = change(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = deliver(tmp_path, corpus, content, kind.site, kind.feed, kind.file_name)  # checks that records add up
    assert read.rows.rejected is None or len(read.rows.rejected) > 20
    if not may_name_a_column(kind, content):
        assert CANARY not in read.texts
