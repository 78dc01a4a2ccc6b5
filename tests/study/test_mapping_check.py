"""What `check-study` says of a mapping: the line, what is wrong there and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.study.load import Protocol, load_protocol
from pipelines.study.yaml_file import InvalidFileError, Problem
from tests.study.test_check_study import open_trial

FEEDS = """    feeds:
      participants:
        - source: people
          files: "*.csv"
          read: {format: delimited}
          columns: {subject_id: id, consent_date: consent, birth_year: born, sex: sex}
          #people
      questionnaires:
        - source: forms
          files: "*.csv"
          read: {format: delimited}
          columns: {subject_id: id, completed_at: day}
          #forms
          forms:
            - {instrument: phq9, items: {"{item}": "phq_{item}"}}
            - {instrument: wsas, items: {"{n}": "wsas_{n}"}}
        - source: answers
          files: "*.tsv"
          read: {format: delimited}
          columns: {subject_id: id, completed_at: day, item: question, value: answer}
          constants: {instrument: phq9}
          #answers
      usage:
        - source: log
          files: "*.log"
          #log
      contacts:
        - source: calls
          files: "*.csv"
          read: {format: delimited}
          columns: {contact_id: id, minutes: min, occurred_at: when}
          #calls
"""
LOG = "read: {format: delimited}\n          columns: {event_id: id}"


def last_line_of(text: str, words: str) -> int:
    return max(n for n, line in enumerate(text.splitlines(), start=1) if words in line)


def load(folder: Path, **lines: str) -> tuple[Protocol, str]:
    feeds = FEEDS.replace("#log", lines.pop("log", LOG))
    for mark, line in lines.items():
        feeds = feeds.replace(f"#{mark}", line)
    text = open_trial(folder) + feeds
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return load_protocol(path), text


def problems(folder: Path, **lines: str) -> tuple[list[Problem], str]:
    with pytest.raises(InvalidFileError) as caught:
        load(folder, **lines)
    return caught.value.problems, (folder / "study.yaml").read_text(encoding="utf-8")


GOOD = [
    ("people", 'dates: {consent_date: ["%d/%m/%Y", "%d.%m.%Y", japanese_era, iso8601], birth_year: "%d/%m/%Y"}'),
    ("people", "dates: {consent_date: {origin: 2026-01-05, every_days: 7}}"),
    ("people", "missing: {-99: refused, NA: not known}"),
    ("people", "missing_in: {birth_year: ['9999']}\n          missing_dates: [1900-01-01, 9999-12-31]"),
    ("people", "dialect: {name: redcap, export: labels}"),
    ("forms", "dialect: qualtrics"),
    ("forms", "dialect: {name: limesurvey, unfinished: read}"),
    ("forms", "missing: ['-99', '9']\n          numbers: {value: decimal_comma}"),
    ("answers", 'values: {item: {"PHQ{n}": "{n}"}, value: {never: 0}}'),
    ("log", "read: {format: json}\n          dialect: xapi"),
    ("log", "read: {format: delimited}\n          dialect: {name: moodle, staff: [3, '04']}"),
    ("log", "read: {format: xlsx}\n          dialect: moodle\n          dates: {occurred_at: unix_ms}"),
    ("calls", "joined: {contact_id: [id, n]}\n          numbers: {minutes: {written: clock, divide_by: 60}}"),
    ("calls", 'from_path: "{subject_id}/*"'),
]


@pytest.mark.parametrize(("mark", "line"), GOOD)
def test_what_is_allowed(tmp_path: Path, mark: str, line: str) -> None:
    assert load(tmp_path, **{mark: line})[0].digest


WRONG = [
    ("people", 'dates: {consent_date: "%d/%m/%Q"}', "`%d/%m/%Q`: %Q is no directive of a date format"),
    ("people", "dates: {consent_date: reiwa}", "or {origin: 2026-01-31, every_days: 7}"),
    ("people", "dates: {consent_date: []}", "the list of formats is empty"),
    ("people", 'dates: {consent_date: ["%d/%m/%Y", "%m/%d/%Y"]}', "can be read as another by `%m/%d/%Y`"),
    ("people", 'dates: {sex: "%d/%m/%Y"}', "holds no date; its dates and times are consent_date, birth_year"),
    ("people", "numbers: {minutes: decimal_comma}", "`numbers`: participants has no column `minutes`"),
    ("people", "numbers: {sex: decimal_comma}", "holds no number; its numbers are birth_year"),
    ("people", "missing_in: {shoe: ['9']}", "`missing_in`: participants has no column `shoe`"),
    ("people", "missing_dates: [1900-13-01]", "there is no such day as 1900-13-01"),
    ("people", "missing_dates: [early]", "expected a date, for example 2026-01-31"),
    ("people", "joined: {centre: [one]}", "expected 2 or more entries"),
    ("people", "joined: {place: [one, two]}", "`joined`: participants has no column `place`"),
    ("people", 'from_path: "{person}/*"', "`from_path`: participants has no column `person`"),
    ("people", "values: {sex: {1: F, １: M}}", "`１` and `1` are one code"),
    ("people", "values: {sex: {1: F}}\n          missing: [1]", "`1` stands for missing and for `F`"),
    ("people", "values: {centre: {x: 'c{n}'}}", "`{n}` must stand on the left side too"),
    ("people", "dialect: {name: redcap, export: label}", "expected 'raw' or 'labels', found 'label'"),
    ("people", "dialect: {name: redcap, dictionary: a/b.csv}", "the name of a .csv file, without folders"),
    ("people", "dialect: {name: redcap, dictionary: nowhere.csv}", "the dictionary `nowhere.csv` is looked for in"),
    ("people", "dialect: {export: raw}", "`dialect.name` is required; the dialects are redcap, qualtrics"),
    ("people", "dialect: xapi", "an export of xapi is a log of usage, not participants"),
    ("people", "dialect: moodle", "put this source under `usage`"),
    ("forms", "dialect: {name: qualtrics, unfinished: drop}", "expected 'leave_out' or 'read', found 'drop'"),
    ("forms", "missing: ['1']", "`1` is declared missing, but it is an answer of phq9 (1: 0 to 3)"),
    ("forms", "missing: [NA]", "`NA` is declared missing, but it is an answer of wsas (1: 0 to 8, NA)"),
    ("forms", "missing_in: {value: ['3']}", "`3` is declared missing, but it is an answer of phq9"),
    ("forms", "numbers: {value: clock}", "may be written with a `decimal_comma` and nothing else"),
    ("answers", 'values: {item: {"Q{n}": "q{n}"}}', "`q{n}` is no item of phq9"),
    ("answers", 'values: {item: {"Q{n}_{n}": "{n}"}}', "`{n}` may stand there once"),
    ("log", "read: {format: delimited}\n          dialect: xapi", "an export of xapi does not come as delimited"),
    ("log", "read: {format: jsonl}\n          dialect: moodle", "an export of moodle does not come as jsonl"),
    (
        "log",
        "read: {format: delimited}\n          dialect: moodle\n          columns: {subject_id: User full name}",
        "`User full name` of moodle names people or tells where they are, and such columns are never stored",
    ),
    (
        "log",
        "read: {format: jsonl}\n          dialect: xapi\n          columns: {subject_id: actor.mbox}",
        "`actor.mbox` of xapi names people",
    ),
    ("calls", "numbers: {minutes: comma}", "expected 'decimal_point', 'decimal_comma'"),
    ("calls", "numbers: {minutes: {divide_by: 0}}", "expected more than 0"),
]


@pytest.mark.parametrize(("mark", "line", "message"), WRONG)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, mark: str, line: str, message: str) -> None:
    found, text = problems(tmp_path, **{mark: line})
    said = [problem for problem in found if message in problem.message]
    assert said, [problem.message for problem in found]
    first = text[: text.index(line)].count("\n") + 1
    assert said[0].line is not None and first - 4 <= said[0].line <= first + 2 + line.count("\n")


def test_a_missing_code_of_one_form_that_is_its_answer(tmp_path: Path) -> None:
    form = '{instrument: phq9, items: {"{item}": "phq_{item}"}}'
    text = open_trial(tmp_path) + FEEDS.replace("#log", LOG)
    path = tmp_path / "study.yaml"
    path.write_text(text.replace(form, form[:-1] + ", missing: ['0']}"), encoding="utf-8")
    with pytest.raises(InvalidFileError) as caught:
        load_protocol(path)
    [problem] = caught.value.problems
    assert "`0` is declared missing, but it is an answer of phq9" in problem.message
    assert problem.line == last_line_of(text, form)


def test_a_default_of_a_dialect_gives_way_to_the_study_file(tmp_path: Path) -> None:
    own = "read: {format: jsonl}\n          dialect: xapi\n          columns: {actor: role, duration_s: seconds}"
    protocol, _ = load(tmp_path, log=own)
    [source] = protocol.study.sites[-1].feeds["usage"]
    assert source.columns["actor"] == "role" and source.columns["event"] == "verb.id"
    assert source.constants == {} and source.numbers == {}


def test_a_time_that_does_not_exist_is_no_crash(tmp_path: Path) -> None:
    found, _ = problems(tmp_path, people="missing_dates: [2026-01-05T25:00:00]")
    assert "a date or a time that does not exist" in found[0].message
