"""The code version: equal for equal code wherever it lies, other for other code."""

from __future__ import annotations

from pathlib import Path

from pipelines.warehouse.code_version import code_version


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


FILES = {"pipelines/a.py": "a", "sql/core/b.sql": "b", "schemas/tables/core/c.yaml": "c"}


def test_it_covers_code_sql_and_dictionary_but_not_the_study(tmp_path: Path) -> None:
    first = code_version(lay_out(tmp_path / "first", FILES))
    besides = {
        "schemas/studies/s.yaml": "s",
        "schemas/instruments/i.yaml": "i",
        "pipelines/__pycache__/a.pyc": "x",
        "tests/t.py": "t",
        "sql/.swp": "x",
    }
    assert code_version(lay_out(tmp_path / "second", FILES | besides)) == first
    for name in FILES:
        assert code_version(lay_out(tmp_path / name.replace("/", "_"), FILES | {name: "other"})) != first
    assert code_version(lay_out(tmp_path / "moved", {**FILES, "pipelines/b.py": ""})) != first


def test_it_names_the_release() -> None:
    release, _, content = code_version().partition("+")
    assert release and len(content) == 12
