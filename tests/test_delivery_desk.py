"""Holding, accepting and refusing deliveries: from the command line to the tables."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import cli
from pipelines.warehouse.query import query
from pipelines.workspace import Workspace
from tests.faults.night import FIRST_NIGHT, build_unjudged, few_published, make_public, new_trial, take_in

FULL_SOURCE = """\
        - source: register
          files: "register*.csv"
          read: {format: delimited, encoding: utf-8}
          columns: {subject_id: id, consent_date: consent, sex: sex}
"""
REASON = "accepted by Ada on "


class Desk:
    """A trial in which Oxford sends full exports of its register, one a night."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.nights = 0

    def export(self, name: str, subjects: range) -> None:
        rows = "".join(f"R{n:02},2026-01-01,F\n" for n in subjects)
        path = self.workspace.landing / "oxford" / "participants" / name
        path.write_text("id,consent,sex\n" + rows)

    def night(self) -> None:
        now, protocol = FIRST_NIGHT + timedelta(days=self.nights), self.workspace.protocol()
        published = few_published()
        build_unjudged(self.workspace, protocol, take_in(self.workspace, protocol, now), dictionary=published)
        make_public(self.workspace, protocol, now, published)
        self.nights += 1

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["deliveries", *words, "--workspace", str(self.workspace.root)])

    def listed(self, *words: str) -> list[dict[str, Any]]:
        done = self.run("list", "--format", "json", *words)
        assert done.exit_code == 0, done.output
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def id_of(self, name: str) -> str:
        (found,) = (row["delivery_id"] for row in self.listed() if row["file_name"] == name)
        return str(found)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return query(self.workspace, sql, unblinded=True).rows

    def people(self) -> int:
        return int(self.ask("SELECT count(*) FROM analysis.adsl WHERE subjid LIKE 'R%'")[0][0])

    def inputs_digest(self) -> str:
        return str(self.ask("SELECT inputs_digest FROM meta.snapshot")[0][0])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two nights: a full export of twenty people, then one that lacks five of them."""
    workspace, _ = new_trial(tmp_path_factory.mktemp("desk") / "trial")
    text = workspace.study_file.read_text(encoding="utf-8")
    place = "      participants:\n        - source: redcap_participants\n"
    assert place in text
    workspace.study_file.write_text(text.replace(place, place.replace("        -", FULL_SOURCE + "        -")))
    desk = Desk(workspace)
    for name, subjects in (("register_1.csv", range(20)), ("register_2.csv", range(15))):
        desk.export(name, subjects)
        desk.night()
    return desk


def test_what_is_held_is_listed_with_its_reason_and_counts_nothing(desk: Desk) -> None:
    (held,) = desk.listed("--status", "held")
    assert (held["site_id"], held["feed"], held["file_name"]) == ("oxford", "participants", "register_2.csv")
    assert (held["n_vanishing"], held["n_primary"], held["next_night"]) == (5, 0, None)
    assert "5 of 20 records would vanish" in held["reason"]
    assert desk.people() == 20
    assert {row["status"] for row in desk.listed()} == {"accepted", "held"}


def test_a_decision_needs_a_known_delivery_that_waits_for_it(desk: Desk) -> None:
    words = ("--by", "Ada", "--note", "asked")
    unknown = desk.run("accept", "nothing", *words)
    assert (unknown.exit_code, "There is no delivery nothing" in unknown.stderr) == (2, True)
    counted = desk.run("accept", desk.id_of("register_1.csv"), *words)
    assert (counted.exit_code, "is accepted, not held" in counted.stderr) == (2, True)
    silent = desk.run("refuse", desk.id_of("register_1.csv"), "--by", "Ada", "--note", " ")
    assert (silent.exit_code, "a reason (--note)" in silent.stderr) == (2, True)
    assert not desk.workspace.decisions.exists()


def test_an_accepted_export_counts_from_the_next_night_on(desk: Desk) -> None:
    before, held = desk.inputs_digest(), desk.id_of("register_2.csv")
    done = desk.run("accept", held, "--by", "Ada", "--note", "five  asked to be\nforgotten")
    assert (done.exit_code, f"{held}: {REASON}" in done.stdout) == (0, True)
    assert [(row["status"], row["next_night"]) for row in desk.listed("--status", "held")] == [
        ("held", "will be let through")
    ]
    assert desk.people() == 20
    desk.night()
    assert desk.people() == 15
    (row,) = (row for row in desk.listed() if row["delivery_id"] == held)
    assert (row["status"], row["next_night"], row["n_vanishing"]) == ("accepted", None, 5)
    assert row["reason"].startswith(REASON)
    assert row["reason"].endswith(": five asked to be forgotten")
    assert desk.inputs_digest() != before
    changes = desk.ask("SELECT DISTINCT change, new_delivery_id FROM quality.audit_trail")
    assert changes == [("withdrawn", held)]


def test_a_later_decision_takes_an_earlier_one_back(desk: Desk) -> None:
    held = desk.id_of("register_2.csv")
    desk.run("refuse", held, "--by", "Ben", "--note", "was a mistake")
    desk.night()
    assert desk.people() == 20
    (row,) = desk.listed("--status", "rejected")
    assert (row["delivery_id"], row["reason"].startswith("refused by Ben on ")) == (held, True)
    assert len(list(desk.workspace.decisions.iterdir())) == 2
    assert desk.run("accept", held, "--by", "Ada", "--note", "it was not").exit_code == 0


def test_an_accepted_delivery_can_be_refused_and_decisions_outlive_what_was_read(desk: Desk) -> None:
    desk.run("refuse", desk.id_of("register_1.csv"), "--by", "Ada", "--note", "another trial's register")
    for path in desk.workspace.rows.rglob("vanishing-*.json"):
        path.unlink()
    desk.night()
    assert desk.people() == 15
    assert [row["file_name"] for row in desk.listed("--status", "rejected")] == ["register_1.csv"]
    hidden = query(desk.workspace, "FROM quality.delivery").names
    assert {"reason", "decision", "n_vanishing", "n_vanishing_primary"}.isdisjoint(hidden)
