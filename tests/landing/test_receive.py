"""Which files become deliveries, and when."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pipelines import effects
from pipelines.landing.receipt import load_receipts
from pipelines.landing.receive import Received, receive
from pipelines.landing.scan import scan
from pipelines.study.load import SCHEMAS, Protocol
from pipelines.trial_folder import make_trial_folder
from pipelines.workspace import Workspace

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Site:
    """Oxford's usage folder in a fresh workspace, and one look at it after another."""

    def __init__(self, root: Path, protocol: Protocol) -> None:
        self.workspace = Workspace(root)
        self.protocol = protocol
        self.folder = self.workspace.landing / "oxford" / "usage"
        self.nights = 0

    def drop(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def manifest(self, name: str, *files: tuple[str, str], **more: Any) -> None:
        entries = [
            {"name": n, "bytes": len(c.encode()), "sha256": sha256(c.encode()).hexdigest(), "rows": 1} for n, c in files
        ]
        self.drop(f"{name}.manifest.json", json.dumps({"files": entries, **more}))

    def look(self, settle: int = 0) -> Received:
        self.nights += 1
        study = self.protocol.study
        landing = scan(self.workspace.landing, study)
        now = NOON + timedelta(days=self.nights)
        return receive(self.workspace, study.site_by_id["oxford"], landing, settle, now)


@pytest.fixture
def site(tmp_path: Path, ict_sad: Protocol) -> Site:
    make_trial_folder(Workspace(tmp_path / "trial"), SCHEMAS / "studies" / "ict_sad.yaml")
    return Site(tmp_path / "trial", ict_sad)


def test_a_file_becomes_a_delivery_once(site: Site) -> None:
    path = site.drop("a.csv", "x\n1\n")
    (receipt,) = site.look().receipts
    assert (receipt.site_id, receipt.feed, receipt.file_name, receipt.bytes) == (
        "oxford",
        "usage",
        "a.csv",
        4,
    )
    assert receipt.place == receipt.received_at
    assert site.workspace.original(receipt.content_sha256).read_bytes() == path.read_bytes()
    assert site.look().receipts == []
    os.utime(path)
    assert site.look().receipts == [], "touched, with the same bytes, it is still lying there"
    assert load_receipts(site.workspace.receipts) == [receipt]


def test_new_bytes_under_the_same_name_are_a_new_delivery(site: Site) -> None:
    site.drop("a.csv", "x\n1\n")
    first = site.look().receipts[0]
    site.drop("a.csv", "x\n2\n")
    second = site.look().receipts[0]
    assert first.delivery_id != second.delivery_id
    site.drop("a.csv", "x\n1\n")
    third = site.look().receipts[0]
    assert third.content_sha256 == first.content_sha256
    assert third.delivery_id not in (first.delivery_id, second.delivery_id)


def test_a_file_that_was_gone_for_a_night_arrives_again(site: Site) -> None:
    path = site.drop("a.csv", "x\n1\n")
    site.look()
    path.unlink()
    assert site.look().receipts == []
    site.drop("a.csv", "x\n1\n")
    assert len(site.look().receipts) == 1
    assert site.look().receipts == []


def test_without_its_memory_a_look_takes_nothing_twice(site: Site) -> None:
    site.drop("a.csv", "x\n1\n")
    site.look()
    effects.remove(site.workspace.store / "seen")
    assert site.look().receipts == []


def test_a_file_waits_until_it_stood_still(site: Site) -> None:
    site.drop("a.csv", "x\n1\n")
    waiting = site.look(settle=600)
    assert waiting.receipts == []
    assert list(waiting.waiting) == ["usage/a.csv"]
    assert len(site.look(settle=0).receipts) == 1


def test_a_matching_manifest_counts_at_once_and_gives_the_place(site: Site) -> None:
    site.drop("sub/a.csv", "x\n1\n")
    site.drop("sub/a.csv.manifest.json", "")
    site.manifest("sub/a.csv", ("a.csv", "x\n1\n"), period_end="2026-02-28", scope="full")
    (receipt,) = site.look(settle=600).receipts
    assert receipt.rejected is None
    assert (receipt.has_manifest, receipt.scope, receipt.rows) == (True, "full", 1)
    assert receipt.place == datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC)
    assert site.look().receipts == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m["files"][0].update(bytes=9), "bytes"),
        (lambda m: m["files"][0].update(sha256="0" * 64), "sha256"),
        (
            lambda m: m["files"].append({"name": "b.csv", "bytes": 1, "sha256": "0" * 64}),
            "b.csv, which is not there",
        ),
        (lambda m: m["files"][0].update(name="other.csv"), "does not list a.csv"),
        (lambda m: m["files"][0].update(name="../a.csv"), "`name` of entry 1 of `files` is not as expected"),
        (lambda m: m["files"][0].update(sha256="canary"), "`sha256` of entry 1 of `files` is not as expected: ex"),
        (lambda m: m["files"][0].pop("sha256"), "`sha256` of entry 1 of `files` is missing: expected 64 hex"),
        (lambda m: m["files"][0].update(bytes="4"), "`bytes` of entry 1 of `files` is not as expected: expected a w"),
        (lambda m: m["files"][0].update(rows=-1), "`rows` of entry 1 of `files`"),
        (lambda m: m["files"].append("canary"), "entry 2 of `files` is not as expected: an object with `name`"),
        (lambda m: m.update(scope="canary"), '`scope` is not as expected: expected "full" or "incremental"'),
        (lambda m: m.update(site=7), "`site` is not as expected"),
        (lambda m: m.update(site=7, scope=1, period_end=2, files={}), "; and 1 more"),
        (lambda m: m.update(site="miyazaki"), "another site"),
        (lambda m: m.update(period_end="canary week"), "`period_end` is not as expected: expected a date such as"),
        (lambda m: m.update(period_end="9999-12-31"), "`period_end` is not as expected"),
        (lambda m: m.update(period_end="0001-01-01T00:00:00+09:00"), "`period_end` is not as expected"),
        (lambda m: m.update(files=[]), "`files` is not as expected: expected a list with at least one entry"),
        (lambda m: m.clear(), "`files` is missing"),
    ],
)
def test_a_manifest_that_does_not_match_rejects_the_drop(site: Site, change: Any, reason: str) -> None:
    site.drop("a.csv", "x\n1\n")
    site.manifest("a.csv", ("a.csv", "x\n1\n"))
    path = site.folder / "a.csv.manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    (receipt,) = site.look().receipts
    assert receipt.rejected is not None
    assert reason in receipt.rejected
    assert "canary" not in receipt.rejected


@pytest.mark.parametrize("content", ["", "canary", "[]", "null", '{"files": [', "\x00"])
def test_what_is_no_manifest_at_all_rejects_the_drop(site: Site, content: str) -> None:
    site.drop("a.csv", "x\n1\n")
    site.drop("a.csv.manifest.json", content)
    (receipt,) = site.look().receipts
    assert receipt.rejected == (
        "its manifest is not one: expected JSON with `files`, each an object with `name`, `bytes` and `sha256`"
    )


def test_a_drop_completed_later_is_looked_at_again(site: Site) -> None:
    site.drop("a.csv", "x\n1\n")
    site.manifest("a.csv", ("a.csv", "x\n1\n"), ("b.csv", "y\n1\n"))
    (refused,) = site.look().receipts
    assert refused.rejected is not None
    site.drop("b.csv", "y\n1\n")
    receipts = site.look().receipts
    assert sorted((r.file_name, r.rejected) for r in receipts) == [("a.csv", None), ("b.csv", None)]
    assert site.look().receipts == []


def test_a_manifest_alone_is_a_rejected_drop(site: Site) -> None:
    site.manifest("a.csv", ("a.csv", "x\n1\n"))
    (receipt,) = site.look().receipts
    assert receipt.file_name == "a.csv.manifest.json"
    assert receipt.rejected == "its manifest lists a.csv, which is not there"


def test_what_cannot_be_taken_is_named_with_its_reason(site: Site) -> None:
    landing = site.workspace.landing
    (landing / "loose.csv").write_text("x")
    (landing / "oxfrod" / "usage").mkdir(parents=True)
    (landing / "oxfrod" / "usage" / "a.csv").write_text("x")
    (landing / "oxford" / "logs").mkdir()
    (landing / "oxford" / "logs" / "a.csv").write_text("x")
    (site.folder / "link.csv").symlink_to("/etc/hostname")
    site.drop("a.csv.part", "x")
    found = scan(landing, site.protocol.study)
    assert found.files == []
    assert {place: reason.split(";")[0] for place, reason in found.not_taken.items()} == {
        "loose.csv": "lies outside <site>/<feed>/",
        "oxfrod/usage/a.csv": "`oxfrod` is no site of the study",
        "oxford/logs/a.csv": "`logs` is no feed",
        "oxford/usage/a.csv.part": "has the name of a hidden or unfinished file",
        "oxford/usage/link.csv": "is not a plain file (a link or a device)",
    }


def test_a_crash_between_the_receipts_of_a_drop_is_made_good(site: Site) -> None:
    site.drop("a.csv", "x\n1\n")
    site.drop("b.csv", "y\n1\n")
    site.manifest("a.csv", ("a.csv", "x\n1\n"), ("b.csv", "y\n1\n"), period_end="2026-02-28")
    written: list[str] = []

    def crash(kind: str, path: Path) -> None:
        if kind == "rename" and path.parent == site.workspace.receipts:
            written.append(path.name)
            if len(written) == 2:
                raise OSError("power cut")

    with effects.watched(crash), pytest.raises(OSError, match="power cut"):
        site.look()
    assert len(load_receipts(site.workspace.receipts)) == 1
    assert len(site.look().receipts) == 1
    assert sorted(r.file_name for r in load_receipts(site.workspace.receipts)) == ["a.csv", "b.csv"]


def test_files_of_one_content_that_come_together_are_stored_once(site: Site) -> None:
    for n in range(20):
        site.drop(f"{n}.csv", "x\n1\n")
    copied: list[Path] = []
    with effects.watched(lambda kind, path: copied.append(path) if kind == "open" else None):
        receipts = site.look().receipts
    assert [r.file_name for r in receipts] == sorted(f"{n}.csv" for n in range(20))
    assert len({r.content_sha256 for r in receipts}) == 1 and len({r.delivery_id for r in receipts}) == 20
    originals = [path for path in copied if site.workspace.originals in path.parents]
    assert len(originals) == 1 and site.workspace.original(receipts[0].content_sha256).read_bytes() == b"x\n1\n"


def test_of_a_file_that_is_written_again_while_it_is_taken_in_no_half_is_kept(site: Site) -> None:
    whole = "x\n1\n2\n"
    path = site.drop("a.csv", whole)

    def write_again(kind: str, where: Path) -> None:
        if kind == "write" and site.workspace.originals in where.parents:
            path.write_text(whole[:4])

    with effects.watched(write_again):
        look = site.look()
    assert look.waiting == {"usage/a.csv": "was still changing while it was read"} and not look.receipts
    path.write_text(whole)
    [receipt] = site.look().receipts
    assert site.workspace.original(receipt.content_sha256).read_text() == whole


def test_what_one_drop_meets_leaves_the_others_received(site: Site) -> None:
    for n in range(20):
        site.drop(f"{n}.csv", f"x\n{n}\n")

    def refuse(kind: str, path: Path) -> None:
        if kind == "open" and sha256(b"x\n7\n").hexdigest() in path.name:
            raise OSError("no room")

    with effects.watched(refuse), pytest.raises(OSError, match="no room"):
        site.look()
    assert sorted(r.file_name for r in load_receipts(site.workspace.receipts)) == sorted(
        f"{n}.csv" for n in range(20) if n != 7
    )
    assert [r.file_name for r in site.look().receipts] == ["7.csv"]


def test_landing_is_only_read(site: Site) -> None:
    site.drop("a.csv", "x\n1\n")
    before = {p: p.lstat().st_mtime_ns for p in site.workspace.landing.rglob("*")}
    site.look()
    assert {p: p.lstat().st_mtime_ns for p in site.workspace.landing.rglob("*")} == before
