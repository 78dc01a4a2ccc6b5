"""The whole corpus laid into a landing folder, beside good files of every kind and the people who are in them."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from pipelines.landing.manifest import SUFFIX
from schemas.feeds import FEEDS
from tests.corpus.cases import CASES, Case
from tests.corpus.kinds import KINDS, Kind, ids
from tests.corpus.table import Table
from tests.corpus.writers import csv

GOOD = "good"  # the folder of a kind's good file, as a damage is that of a damaged one


def drop_everything(landing: Path) -> None:
    for kind in KINDS.values():
        _lay(landing, kind, f"{GOOD}/{kind.file_name}", kind.good("G"))
    for feed, rows in people().items():
        for site, of_site in rows.items():
            kind = replace(KINDS[feed], site=site)
            _lay(landing, kind, f"{GOOD}/everybody.csv", csv(Table(FEEDS[feed].header, tuple(of_site))))
    for case in CASES.values():
        place = _lay(landing, case.kind, case.file_name, case.make())
        if case.manifest:
            _announce(place, case)


def people() -> dict[str, dict[str, list[tuple[str, ...]]]]:
    """That everybody in a good form, log or event is a participant, and was randomised: rows by feed and site."""
    found: dict[str, dict[str, list[tuple[str, ...]]]] = {"participants": {}, "allocation": {}}
    for kind in KINDS.values():
        if kind.feed in ("questionnaires", "usage", "adverse_events"):
            for n, subject in ids(kind.name, "G"):
                person = str(n) if kind.name == "moodle" else subject
                told = (person, "", "en", "2026-01-01", "1980", "F", "randomised", "2026-01-05", "")
                found["participants"].setdefault(kind.site, []).append(told)
                found["allocation"].setdefault(kind.site, []).append((person, "ICT", "2026-01-05", ""))
    return found


def _lay(landing: Path, kind: Kind, file_name: str, content: bytes) -> Path:
    place = landing / kind.site / kind.feed / file_name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


def _announce(place: Path, case: Case) -> None:
    """A manifest for the file; where the damage came before the file was written, its bytes are those of the file."""
    lies, before = place.read_bytes(), case.kind.good("D")
    told = lies if case.made_of_rows else before
    entry = {"name": place.name, "bytes": len(told), "sha256": sha256(told).hexdigest(), "rows": case.n_rows}
    place.with_name(place.name + SUFFIX).write_text(json.dumps({"files": [entry]}), encoding="utf-8")
