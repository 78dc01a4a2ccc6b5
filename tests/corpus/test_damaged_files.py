"""Every damaged file comes to the end that the table says, with the place named, and no cell of it shown.

One delivery at a time, as it is read; what only a manifest tells is asserted of the night.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipelines.study.load import Protocol, load_protocol
from tests.corpus.cases import CASES, Case, Refused, Rejected
from tests.corpus.kinds import KINDS, N_ROWS, write_study
from tests.corpus.table import CANARY
from tests.validation.deliver import Read, deliver

READ = {name: case for name, case in CASES.items() if not case.manifest}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return load_protocol(write_study(tmp_path_factory.mktemp("corpus")))


def read_case(folder: Path, corpus: Protocol, case: Case) -> Read:
    return deliver(folder, corpus, case.make(), case.kind.site, case.kind.feed, case.file_name)


def test_the_corpus_is_large_and_knows_every_kind() -> None:
    n_of = Counter(case.kind.name for case in CASES.values())
    assert len(CASES) >= 150
    assert set(n_of) == set(KINDS)
    assert len({case.damage for case in CASES.values()}) >= 150


@pytest.mark.parametrize("name", KINDS)
def test_a_good_file_of_every_kind_is_accepted_whole(tmp_path: Path, corpus: Protocol, name: str) -> None:
    kind = KINDS[name]
    read = deliver(tmp_path, corpus, kind.good("G"), kind.site, kind.feed, kind.file_name)
    assert (read.counts, read.rows.rejected) == ((N_ROWS, N_ROWS, 0, 0), None)
    assert [column.upper() for column in read.rows.unknown_columns] in ([], ["MAIL"], ["NAME"])
    assert CANARY not in read.texts


@pytest.mark.parametrize("name", [name for name, case in READ.items() if isinstance(case.end, Rejected)])
def test_a_damaged_file_is_rejected(tmp_path: Path, corpus: Protocol, name: str) -> None:
    case = READ[name]
    read, end = read_case(tmp_path, corpus, case), case.end
    assert isinstance(end, Rejected)
    assert read.rows.rejected is not None
    for said in end.said:
        assert said in read.rows.rejected
    assert CANARY not in read.texts


@pytest.mark.parametrize("name", [name for name, case in READ.items() if isinstance(case.end, Refused)])
def test_a_damaged_row_is_set_aside_alone(tmp_path: Path, corpus: Protocol, name: str) -> None:
    case = READ[name]
    read, end = read_case(tmp_path, corpus, case), case.end
    assert isinstance(end, Refused)
    assert read.rows.rejected is None
    assert sorted(read.refused()) == sorted(end.cells)
    for rule, column, message in read.quarantine["rule", "column_name", "message"].rows():
        assert ("this record (" if rule == "conflicting_duplicate" else f"`{column}`" if column else "") in message
    assert any(end.said in message for message in read.quarantine["message"])
    assert read.counts == (case.n_rows, case.n_rows - end.n_rows, end.n_rows, 0)
    assert CANARY not in read.texts
