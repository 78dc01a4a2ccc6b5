"""Which report is written anew in a night, and which PDF is taken over from the night before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.effects import watched
from pipelines.report.board import write
from pipelines.report.board.pdf import NO_PANGO, NoPdf
from pipelines.report.packs import show_pack
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace
from tests.report.board.made_up import numbers, study


class Desk:
    """Reports of made-up snapshots: `people` is what a snapshot's numbers depend on; `drawn` are the pages of PDFs."""

    def __init__(self, root: Path, protocol: Protocol) -> None:
        self.workspace, self.protocol = Workspace(root), protocol
        self.people = {"first": 60, "same": 60, "other": 61}
        self.drawn: list[str] = []
        self.begun: list[str] = []
        self.has_pango = True

    @contextmanager
    def source(self, _workspace: Workspace, _protocol: Protocol, snapshot_id: str) -> Iterator[Any]:
        source, self.trial = numbers(study(["Oxford"]), self.people[snapshot_id])
        yield source

    def to_pdf(self, page: str, _cut_off: date) -> bytes:
        if not self.has_pango:
            raise NoPdf(NO_PANGO)
        self.drawn.append(page)
        return f"%PDF {len(self.drawn)}".encode()

    def report(self, snapshot_id: str, former: str | None = None) -> list[str]:
        folder = self.workspace.reports / former if former else None
        return write.write_open_report(self.workspace, self.protocol, snapshot_id, folder)

    def begin(self, snapshot_id: str) -> write.Page:
        return write.begin_open_report(self.workspace, self.protocol, snapshot_id)

    def page(self, snapshot_id: str) -> str:
        return (self.workspace.reports / snapshot_id / write.PAGE).read_text(encoding="utf-8")

    def pdf(self, snapshot_id: str) -> Path:
        return self.workspace.reports / snapshot_id / write.PDF


@pytest.fixture
def desk(tmp_path: Path, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path, ict_sad)
    monkeypatch.setattr(write, "open_source", desk.source)
    monkeypatch.setattr(write, "trial_of", lambda _source, _study: desk.trial)
    monkeypatch.setattr(write, "to_pdf", desk.to_pdf)
    monkeypatch.setattr(write, "begin_pdf", lambda page, _cut_off: desk.begun.append(page))
    assert desk.report("first") == []
    return desk


def test_the_pdf_of_the_same_page_is_taken_over(desk: Desk) -> None:
    assert desk.report("same", former="first") == []
    assert len(desk.drawn) == 1
    assert desk.pdf("same").read_bytes() == desk.pdf("first").read_bytes()


def test_what_is_begun_ahead_is_the_page_and_nothing_is_written(desk: Desk) -> None:
    touched: list[Path] = []
    with watched(lambda _kind, path: touched.append(path)):
        desk.begin("other")
    assert (
        not any(path.is_relative_to(desk.workspace.root) for path in touched)
        and not (desk.workspace.reports / "other").exists()
    )
    desk.report("other")
    assert desk.begun == desk.drawn[1:]


def test_what_was_begun_is_written_without_being_made_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    page = desk.begin("other")
    desk.report("other")
    made_again = desk.page("other")
    monkeypatch.delattr(write, "open_source")
    assert write.try_open_report(desk.workspace, desk.protocol, "other", page) == []
    assert desk.page("other") == made_again == page.text
    assert len(set(desk.drawn[1:])) == 1


def test_nothing_is_begun_where_the_last_pdf_will_be_taken_over(desk: Desk) -> None:
    assert show_pack(desk.workspace, "first") == []
    desk.begin("same")
    assert desk.begun == []
    desk.begin("other")
    assert len(desk.begun) == 1


def test_another_page_has_its_own_pdf(desk: Desk) -> None:
    assert desk.report("other", former="first") == []
    assert len(set(desk.drawn)) == 2
    assert desk.pdf("other").read_bytes() != desk.pdf("first").read_bytes()


def test_whoever_asks_for_a_report_has_its_pdf_drawn(desk: Desk) -> None:
    desk.report("same")
    assert len(desk.drawn) == 2


def test_a_report_without_a_pdf_has_none_to_take_over(desk: Desk) -> None:
    desk.pdf("first").unlink()
    desk.report("same", former="first")
    assert len(desk.drawn) == 2 and desk.pdf("same").exists()
    desk.report("other", former="none was ever written")
    assert len(desk.drawn) == 3


def test_no_page_keeps_the_pdf_of_another(desk: Desk) -> None:
    desk.people["first"] = 61
    desk.has_pango = False
    assert desk.report("first") == [NO_PANGO]
    assert not desk.pdf("first").exists()


def test_an_installation_can_leave_the_pdf_to_whoever_asks_for_it(desk: Desk) -> None:
    desk.workspace.deployment_file.write_text("report_pdf: false\n")
    assert write.try_open_report(desk.workspace, desk.protocol, "other") == []
    assert (desk.workspace.reports / "other" / write.PAGE).exists() and not desk.pdf("other").exists()
    desk.report("other")
    assert desk.pdf("other").exists()
