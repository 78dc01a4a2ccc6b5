"""A site's list is taken over from the night before only where it would come out the same, and is as it was written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipelines.report import site_lists
from pipelines.report.site_lists import write_site_lists
from pipelines.study.load import Protocol
from pipelines.study.study import Site
from pipelines.warehouse.published import UNBLINDED
from pipelines.workspace import Workspace
from tests.quality.asked_trial import SNAPSHOT, asked_trial, publish, published

NEXT = "20260702T020000Z-0123abcd"
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Workspace:
    """Lists of the first of two snapshots that hold the same."""
    workspace = published(tmp_path_factory.mktemp("nights"), asked_trial(ict_sad))
    assert write_site_lists(workspace, ict_sad, SNAPSHOT) == []
    publish(workspace, asked_trial(ict_sad), NEXT)
    return workspace


@pytest.fixture
def workspace(two_nights: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(two_nights.root, tmp_path / "trial", symlinks=True)
    return Workspace(tmp_path / "trial")


def lists(workspace: Workspace, snapshot_id: str) -> Files:
    folder = workspace.reports / snapshot_id / "sites"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.glob("*/*"))}


def made_anew(workspace: Workspace, protocol: Protocol) -> Files:
    """The lists of the second night as one that remembers nothing would write them."""
    shutil.rmtree(workspace.store / "history" / "lists", ignore_errors=True)
    assert write_site_lists(workspace, protocol, NEXT) == []
    return lists(workspace, NEXT)


def taken_over(workspace: Workspace, protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> tuple[Files, set[str]]:
    """The lists of the second night, and the sites whose lists had to be made."""
    made: set[str] = set()
    make: Callable[..., object] = site_lists._list

    def noted(con: object, study: object, site: Site, *more: object) -> object:
        made.add(site.site)
        return make(con, study, site, *more)

    with monkeypatch.context() as patched:
        patched.setattr(site_lists, "_list", noted)
        assert write_site_lists(workspace, protocol, NEXT) == []
    return lists(workspace, NEXT), made


def test_where_nothing_has_changed_a_list_is_the_last_one_and_names_its_own_snapshot(
    workspace: Workspace, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, made = taken_over(workspace, ict_sad, monkeypatch)
    assert not made
    assert found == made_anew(workspace, ict_sad)
    for name, content in found.items():
        assert SNAPSHOT.encode() not in content and (NEXT.encode() in content) == name.endswith(".html")


def test_it_is_taken_over_on_every_night_after(
    workspace: Workspace, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = taken_over(workspace, ict_sad, monkeypatch)
    shutil.rmtree(workspace.reports / SNAPSHOT)
    assert taken_over(workspace, ict_sad, monkeypatch) == (first, set())


@pytest.mark.parametrize("name", ["queries.html", "queries.csv"])
@pytest.mark.parametrize(
    "damage", [lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes() + b" ")]
)
def test_a_list_that_is_not_as_it_was_written_is_made_anew(
    workspace: Workspace,
    ict_sad: Protocol,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    damage: Callable[[Path], None],
) -> None:
    damage(workspace.reports / SNAPSHOT / "sites" / "oxford" / name)
    found, made = taken_over(workspace, ict_sad, monkeypatch)
    assert made == {"oxford"} and found == made_anew(workspace, ict_sad)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"made_of": ""}', '{"made_of": 1, "snapshot_id": "", "content": ""}'])
def test_without_its_note_a_list_is_made_anew(
    workspace: Workspace, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (workspace.store / "history" / "lists" / "oxford.json").write_text(text)
    found, made = taken_over(workspace, ict_sad, monkeypatch)
    assert made == {"oxford"} and found == made_anew(workspace, ict_sad)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE quality.data_query SET message = 'Look again.' WHERE site_id = 'oxford'",
        "DELETE FROM quality.data_query WHERE site_id = 'oxford'",
        "UPDATE quality.data_query SET age_days = age_days + 1 WHERE site_id = 'oxford'",
        "UPDATE quality.delivery SET stream = 'another' WHERE site_id = 'oxford'",
    ],
)
def test_a_list_of_something_else_is_made_anew_and_the_others_are_not(
    workspace: Workspace, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    with duckdb.connect(str(workspace.snapshots / NEXT / UNBLINDED)) as con:
        con.execute(change)
    found, made = taken_over(workspace, ict_sad, monkeypatch)
    assert made == {"oxford"} and found == made_anew(workspace, ict_sad)


def test_every_list_says_another_day_another_title_and_another_program(
    workspace: Workspace, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {site.site for site in ict_sad.study.sites}
    titled = replace(ict_sad, study=ict_sad.study.model_copy(update={"title": "Another title"}))
    assert taken_over(workspace, titled, monkeypatch)[1] == every
    with monkeypatch.context() as patched:
        patched.setattr(site_lists, "code_version", lambda: "another")
        assert taken_over(workspace, titled, monkeypatch)[1] == every
    with duckdb.connect(str(workspace.snapshots / NEXT / UNBLINDED)) as con:
        con.execute("UPDATE meta.snapshot SET as_of = as_of + 1")
    found, made = taken_over(workspace, titled, monkeypatch)
    assert made == every and found == made_anew(workspace, titled)


def test_what_a_site_is_called_and_its_key_are_on_its_own_list_alone(
    workspace: Workspace, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = [s.model_copy(update={"name": "Elsewhere"} if s.site == "oxford" else {}) for s in ict_sad.study.sites]
    renamed = replace(ict_sad, study=ict_sad.study.model_copy(update={"sites": sites}))
    (workspace.keys / "site-miyazaki.key").unlink()
    found, made = taken_over(workspace, renamed, monkeypatch)
    assert made == {"oxford", "miyazaki"} and found == made_anew(workspace, renamed)
