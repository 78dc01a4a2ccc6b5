"""Compiled templates are kept, and only those that are of the same source are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import jinja2
import pytest

from pipelines.report import template as templates

Render = Callable[[], str]


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were compiled."""
    seen: list[str] = []
    compile_template = jinja2.Environment.compile

    def counted(self: jinja2.Environment, source: str, name: str, filename: str) -> object:
        seen.append(name)
        return compile_template(self, source, name, filename)

    monkeypatch.setattr(jinja2.Environment, "compile", counted)
    return seen


@pytest.fixture
def render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Render]:
    monkeypatch.setattr(templates, "TEMPLATES", tmp_path)
    monkeypatch.setattr(templates, "COMPILED", tmp_path / "compiled")
    (tmp_path / "page.html.j2").write_text("Dear {{ name }}")

    def in_a_new_process() -> str:
        templates._pages.cache_clear()
        return templates.template("page").render(name="<b>")

    yield in_a_new_process
    templates._pages.cache_clear()


def test_what_was_compiled_is_taken(render: Render, compiled: list[str]) -> None:
    assert [render(), render()] == ["Dear &lt;b&gt;"] * 2
    assert compiled == ["page.html.j2"]


def test_another_source_is_compiled_anew(render: Render, compiled: list[str], tmp_path: Path) -> None:
    render()
    (tmp_path / "page.html.j2").write_text("Hello {{ name }}")
    assert render() == "Hello &lt;b&gt;"
    assert len(compiled) == 2


@pytest.mark.parametrize("length", [0, 7, 60, -1])
def test_what_was_cut_is_not_taken(render: Render, compiled: list[str], tmp_path: Path, length: int) -> None:
    render()
    (file,) = (tmp_path / "compiled").iterdir()
    file.write_bytes(file.read_bytes()[:length])
    assert render() == "Dear &lt;b&gt;"
    assert len(compiled) == 2


def test_where_nothing_can_be_kept_it_is_compiled_each_time(
    render: Render, compiled: list[str], tmp_path: Path
) -> None:
    (tmp_path / "compiled").write_text("a file, where the folder would be")
    assert [render(), render()] == ["Dear &lt;b&gt;"] * 2
    assert len(compiled) == 2
