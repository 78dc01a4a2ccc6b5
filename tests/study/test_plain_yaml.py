"""The fast reading of YAML: the same as the thorough one, or none at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.study.plain_yaml import UnsureError, load_plainly
from pipelines.study.yaml_file import read_yaml

ROOT = Path(__file__).parents[2]

WORDS = "yes NO null ~ TRUE true 012 0o14 1:30 1e3 .5 -28 1-24 = << 2026-03-02 2026-3-2 1_000 0x1f '1' 10.1002/da.20503"
SCALARS = st.one_of(
    st.sampled_from([*WORDS.split(), "2026-03-02 10:00:00", '"a: b"']),
    st.integers().map(str),
    st.floats(allow_nan=False).map(str),
    st.text("abn10-+.:eE_#'% ", max_size=8),
)
LINES = ["{k}: {v}", "{k}: [{v}, x]", "{k}: {{a: {v}}}", "{k}:\n  - {v}", "{v}: 1", "{k}: &n {v}"]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Lines of `key: value`, of lists and of flow collections; some of them no YAML at all."""
    lines = []
    for number in range(draw(st.integers(1, 5))):
        value = draw(SCALARS)
        shape = draw(st.sampled_from(LINES))
        lines.append(shape.format(k=f"k{number % 4}", v=value))
    return "\n".join(lines) + draw(st.sampled_from(["", "\nlast: *n", "\n---\na: 1", "\nt: !!str 1"]))


def _thoroughly(text: str) -> Any:
    try:
        return YAML(typ="rt", pure=True).load(text)
    except (YAMLError, ValueError):
        return None


@given(documents())
def test_what_is_read_fast_is_what_the_thorough_reading_gives(text: str) -> None:
    try:
        fast = load_plainly(text)
    except UnsureError:
        return
    slow = _thoroughly(text)
    assert fast == slow
    assert [isinstance(value, str) for value in fast.values()] == [isinstance(value, str) for value in slow.values()]


@pytest.mark.parametrize(
    "doubtful", ["a: 012", "a: 1e3", "a: TRUE", "a: 1\na: 2", "a: !!str 1", "<<: {a: 1}", "a: *b", "- 1", "a: 1_0", ""]
)
def test_what_could_be_misread_is_not_read_fast(doubtful: str) -> None:
    with pytest.raises(UnsureError):
        load_plainly(doubtful)


def test_every_file_of_the_project_is_read_fast() -> None:
    files = sorted((ROOT / "schemas").rglob("*.yaml"))
    assert files
    for file in files:
        assert read_yaml(file).plain is not None, file
