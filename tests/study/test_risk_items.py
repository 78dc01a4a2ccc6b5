"""Items whose answer may tell of danger: a level that cannot be is refused, naming its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.study.instrument_file import load_instrument
from pipelines.study.load import SCHEMAS
from pipelines.study.yaml_file import InvalidFileError


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("item: 10", "phq9 has no item `10`"),
        ("flag: 0", "flag 0 and urgent 2 must lie in this order above 0, and not above 3"),
        ("flag: 3", "flag 3 and urgent 2"),
        ("urgent: 4", "not above 3"),
    ],
)
def test_levels_lie_within_the_item(tmp_path: Path, changed: str, said: str) -> None:
    text = (SCHEMAS / "instruments" / "phq9.yaml").read_text(encoding="utf-8")
    name = changed.split(":")[0]
    old = next(part for part in ("item: 9", "flag: 1", "urgent: 2") if part.startswith(name))
    file = tmp_path / "phq9.yaml"
    file.write_text(text.replace(old, changed), encoding="utf-8")
    with pytest.raises(InvalidFileError, match=rf"line \d+: .*{said}"):
        load_instrument(file)
