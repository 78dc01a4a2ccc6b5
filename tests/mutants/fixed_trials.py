"""Trials that never change, with what must come of them by the slow reckonings of the tests (the oracles)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from pipelines.warehouse.graph import Graph, load_graph
from tests.sql import oracle, outcome_oracle
from tests.sql.gain_courses import gain_courses
from tests.sql.other_rules import JUST_BESIDE
from tests.sql.test_instruments import SCORING, every_instrument, expected, made_up, scores
from tests.sql.test_oracle import compare, forms
from tests.sql.test_outcome_oracle import courses
from tests.sql.trial import Tables, Trial

EXAMPLES, SEEDS, FORMS, GAINERS = 25, range(16), 20, 100
OUTCOMES = ("analysis.adqs", "analysis.adqw", "analysis.adresp", "analysis.adsg")
COLUMNS = (
    "usubjid", "paramcd", "aseq", "ady", "avisit", "awtdiff", "aval", "base", "chg", "pchg", "ablfl", "anl01fl",
    "anl01rsn", "nitem", "nmiss", "dtype", "relchgfl", "casefl", "respfl", "remisfl",
)  # fmt: skip


@dataclass
class Judge:
    """A database built once. `holds` says whether what follows from the table `name` comes out as it must."""

    db: Tables
    tables: tuple[str, ...]
    check: Callable[[Tables], None]
    graph: Graph = field(default_factory=load_graph)

    def concerned(self, name: str) -> bool:
        return name in self.tables

    def holds(self, name: str) -> bool:
        """Derive the table and what reads it once more, by the SQL that the graph has now; afterwards all is undone."""
        self.db.con.execute("BEGIN")
        try:
            for table in _from(self.graph, name, self.tables):
                self.db.con.execute(f"CREATE OR REPLACE TABLE {table} AS {self.graph.queries[table].sql}")
            self.check(self.db)
        except Exception:  # noqa: BLE001 (whatever it is: the mistake was noticed)
            return False
        finally:
            self.db.con.execute("ROLLBACK")
        return True


def _from(graph: Graph, name: str, tables: tuple[str, ...]) -> list[str]:
    changed = {name}
    for table in graph.order:
        if table in tables and set(graph.queries[table].reads) & changed:
            changed.add(table)
    return [table for table in graph.order if table in changed]


def judges() -> list[Judge]:
    return [_instruments(), _outcomes(), _gains()]


def _instruments() -> Judge:
    """Made-up forms of every instrument."""
    trial = Trial(every_instrument())
    trial.person("001")
    trial.delivery("oxford", "questionnaires")
    chance = random.Random(1)
    sent = [*JUST_BESIDE, *((name, made_up(name, chance)) for name in trial.protocol.instruments for _ in range(FORMS))]
    truth: dict[tuple[int, str], Any] = {}
    for number, (name, form) in enumerate(sent):
        truth |= expected(number, name, form)

    def check(db: Tables) -> None:
        assert scores(db, sent) == truth

    return Judge(trial.tables("outcome.score"), SCORING, check)


def _outcomes() -> Judge:
    """Weekly courses, and odd forms around windows and starts, of many people in one trial."""
    trial = Trial(courses(0).protocol)
    for number, one in enumerate([*(courses(seed) for seed in SEEDS), *_examples()]):
        _add(trial, one, f"t{number:03}")
    adqs = [{name: row[name] for name in COLUMNS} for row in oracle.adqs(trial)]
    adqw, recovery = outcome_oracle.adqw(trial), outcome_oracle.recovery(trial)
    verdicts = outcome_oracle.verdicts(trial)
    gains = {code: outcome_oracle.sudden_gains(trial, code) for code in ("PHQ9", "GAD7")}

    def check(db: Tables) -> None:
        compare(db, "analysis.adqs", adqs, "usubjid, paramcd, aseq")
        compare(db, "analysis.adqw", adqw, "usubjid, paramcd, aweek")
        nhs = "(FROM analysis.adresp WHERE defid = 'nhs_talking_therapies')"
        compare(db, nhs, recovery, "usubjid, avisit, paramcd")
        single = "(FROM analysis.adresp WHERE defid <> 'nhs_talking_therapies')"
        compare(db, single, verdicts, "usubjid, avisit, defid, paramcd")
        for code, expected_gains in gains.items():
            compare(db, f"(FROM analysis.adsg WHERE paramcd = '{code}')", expected_gains, "usubjid, aperweek")

    graph = load_graph()
    derived = tuple(t for t in graph.order if t.startswith("outcome.") and t not in ("outcome.unusable_answer",))
    db = trial.tables(*OUTCOMES)
    made = {
        name for (name,) in db.con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
    }
    return Judge(db, tuple(t for t in (*derived, *OUTCOMES) if t in made), check)


def _gains() -> Judge:
    """Weekly courses around the criteria of a sudden gain, before and after a wait."""
    trial, expected = gain_courses(courses(0).protocol, 1, people=GAINERS)
    db = trial.tables("analysis.adsg")

    def check(db: Tables) -> None:
        compare(db, "analysis.adsg", expected, "usubjid, defid, sgseq")

    assert db.con  # every table is made
    return Judge(db, ("outcome.week_record", "analysis.adsg"), check)


def _examples() -> list[Trial]:
    """What hypothesis makes up, always the same."""
    found: list[Trial] = []
    every = list(HealthCheck)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=every,
    )
    @given(forms())
    def collect(trial: Trial) -> None:
        found.append(trial)

    collect()
    return found


def _add(trial: Trial, other: Trial, name: str) -> None:
    """Bring the people and deliveries of another trial along, under names of their own."""
    known = {delivery["delivery_id"]: f"{name}-{delivery['delivery_id']}" for delivery in other.deliveries}
    later = timedelta(days=len(trial.deliveries))
    for delivery in other.deliveries:
        moved = {key: delivery[key] + later for key in ("received_at", "place")}
        trial.deliveries.append(
            delivery | moved
            | {"delivery_id": known[delivery["delivery_id"]], "stream": f"{name}-{delivery['stream']}",
               "sequence": len(trial.deliveries) + 1}
        )  # fmt: skip
    for feed, rows in other.rows.items():
        for row in rows:
            subject = f"{name}-{row['subject_id']}"
            key = "|".join([subject, *row["record_key"].split("|")[1:]])
            renamed = {"subject_id": subject, "record_key": key, "delivery_id": known[row["delivery_id"]]}
            trial.rows.setdefault(feed, []).append(row | renamed)
