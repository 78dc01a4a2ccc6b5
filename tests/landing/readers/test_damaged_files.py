"""Files of every format cut off anywhere or with other bits: rows that add up, or UnreadableError, and nothing else."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.landing.readers import UnreadableError
from tests.landing.readers.examples import ROWS, examples, opened, zipped
from tests.landing.readers.examples import settings as read_settings

FORMATS = sorted(examples())
# The others hold no mark of how much there is to come: a cut between two records cannot be seen.
SAY_WHERE_THEY_END = {"json", "dataset-json", "parquet", "xlsx", "sav", "zsav", "por", "dta"}
RELAXED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def rows_of(path: Path, content: bytes, name: str, form: str) -> int | None:
    """How many rows the file gives, None where it is refused; `opened` checks that they add up."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table, _ = opened(path, content, name, read_settings(form))
    except UnreadableError as error:
        assert len(str(error)) > 20
        return None
    return table.n_records


@pytest.mark.parametrize("form", FORMATS)
@RELAXED
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere(tmp_path: Path, form: str, share: float) -> None:
    content = examples()[form]
    cut = content[: int(len(content.rstrip()) * share)]
    n = rows_of(tmp_path, cut, "f", form)
    assert n is None or n == len(ROWS) or form not in SAY_WHERE_THEY_END
    packed = gzip.compress(content, mtime=0)
    assert rows_of(tmp_path, packed[: int(len(packed) * share)], "f.gz", form) is None


@pytest.mark.parametrize("form", FORMATS)
@RELAXED
@given(st.data())
def test_a_file_with_other_bits(tmp_path: Path, form: str, data: st.DataObject) -> None:
    content = bytearray(examples()[form])
    name = data.draw(st.sampled_from(["f", "f.gz", "f.zip"]))
    if name == "f.gz":
        content = bytearray(gzip.compress(content, mtime=0))
    elif name == "f.zip":
        content = bytearray(zipped({"f": bytes(content)}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    rows_of(tmp_path, bytes(content), name, form)
