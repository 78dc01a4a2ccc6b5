"""A data query's life: opened, closed, reopened, miscorrected, answered; always the same query."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.sql.trial import RANDOMISED, Trial, at, day, phq9

Query = dict[str, Any]


def queries(trial: Trial) -> dict[tuple[str, str], Query]:
    """Every query by rule and record key."""
    found = trial.tables("quality.data_query").records("FROM quality.data_query")
    return {(query["rule"], query["record_key"]): query for query in found}


def open_rules(trial: Trial) -> set[tuple[str, str]]:
    return {key for key, query in queries(trial).items() if query["status"] != "closed"}


def reach(trial: Trial, rule: str) -> tuple[Any, ...]:
    """n_applicable, n_queries."""
    return trial.tables("quality.query_rule").row(
        f"SELECT n_applicable, n_queries FROM quality.query_rule WHERE rule = '{rule}' AND site_id = 'oxford'"
    )


def night(trial: Trial, feed: str, when: str, **given: Any) -> str:
    """A full export at `when`."""
    return trial.delivery("oxford", feed, received_at=at(when), **given)


def person(trial: Trial, subject_id: str, **given: Any) -> None:
    row = {"consent_date": day(-7), "birth_year": 1990, "sex": "F", "status": "randomised", **given}
    trial.add("participants", "oxford", subject_id=subject_id, **row)


@pytest.fixture
def begun(trial: Trial) -> Trial:
    """Person 001, randomised to the programme, known since 3 March 2026; as of 1 July."""
    trial.as_of = date(2026, 7, 1)
    night(trial, "participants", "2026-03-03T12:00")
    person(trial, "001")
    night(trial, "allocation", "2026-03-03T12:00")
    trial.add("allocation", "oxford", subject_id="001", arm="ICT", randomised_on=RANDOMISED)
    night(trial, "questionnaires", "2026-05-01T12:00")
    return trial


def test_a_trial_without_faults_has_no_queries(begun: Trial) -> None:
    begun.form("001", "phq9", day(1), phq9(9), visit="BASELINE")
    assert queries(begun) == {}


class TestLife:
    def test_a_query_opens_with_the_delivery_that_shows_the_fault_and_ages(self, begun: Trial) -> None:
        night(begun, "participants", "2026-06-01T12:00")
        person(begun, "001", status="withdrawn", status_date=None)
        query = queries(begun)["status_date_missing", "001"]
        assert (query["status"], query["opened_on"], query["closed_on"]) == ("open", date(2026, 6, 1), None)
        assert (query["age_days"], query["n_reopened"], query["subject_id"]) == (30, 0, "001")
        assert (query["severity"], query["site_id"]) == ("warning", "oxford")

    def test_it_closes_with_the_delivery_that_shows_it_gone(self, begun: Trial) -> None:
        night(begun, "participants", "2026-06-01T12:00")
        person(begun, "001", status="withdrawn", status_date=None)
        night(begun, "participants", "2026-06-11T12:00")
        person(begun, "001", status="withdrawn", status_date=date(2026, 5, 30))
        query = queries(begun)["status_date_missing", "001"]
        assert (query["status"], query["closed_on"], query["age_days"]) == ("closed", date(2026, 6, 11), 10)

    def test_a_fault_that_returns_reopens_the_same_query(self, begun: Trial) -> None:
        ids = set()
        for number, status_date in enumerate((None, date(2026, 5, 30), None), start=1):
            night(begun, "participants", f"2026-06-0{number}T12:00")
            person(begun, "001", status="withdrawn", status_date=status_date)
            query = queries(begun)["status_date_missing", "001"]
            ids.add(query["query_id"])
        assert len(ids) == 1
        assert (query["status"], query["n_reopened"], query["opened_on"]) == ("open", 1, date(2026, 6, 1))

    def test_a_value_that_changed_and_is_still_wrong_is_miscorrected(self, begun: Trial) -> None:
        for number, consent in enumerate((day(3), day(2)), start=1):
            night(begun, "participants", f"2026-06-0{number}T12:00")
            person(begun, "001", consent_date=consent)
        query = queries(begun)["allocation_without_consent", "001"]
        assert (query["status"], query["n_reopened"], query["opened_on"]) == ("miscorrected", 0, date(2026, 6, 1))

    def test_a_record_sent_again_unchanged_is_the_same_open_query(self, begun: Trial) -> None:
        for number in (1, 2, 3):
            night(begun, "participants", f"2026-06-0{number}T12:00")
            person(begun, "001", consent_date=day(3), centre=f"centre {number}")
        query = queries(begun)["allocation_without_consent", "001"]
        assert (query["status"], query["n_reopened"], query["opened_on"]) == ("open", 0, date(2026, 6, 1))

    def test_a_record_withdrawn_at_the_source_closes_its_query(self, begun: Trial) -> None:
        night(begun, "adverse_events", "2026-06-01T12:00")
        begun.add("adverse_events", "oxford", ae_id="a1", subject_id="001", onset_date=None, serious="N")
        night(begun, "adverse_events", "2026-06-02T12:00")
        assert queries(begun)["adverse_event_without_onset", "a1"]["status"] == "closed"

    def test_days_are_those_of_the_site(self, begun: Trial) -> None:
        begun.delivery("miyazaki", "participants", received_at=at("2026-06-01T16:00"))
        begun.add("participants", "miyazaki", subject_id="9", status="withdrawn", consent_date=day(1))
        assert queries(begun)["status_date_missing", "9"]["opened_on"] == date(2026, 6, 2)

    def test_the_number_depends_on_the_rule_and_the_record_alone(self, begun: Trial) -> None:
        begun.form("999", "phq9", day(57), phq9(9))
        (first,) = [query["query_id"] for query in queries(begun).values()]
        begun.form("999", "gad7", day(57), {"1": 1})
        begun.as_of = date(2027, 7, 1)
        (later,) = [query["query_id"] for query in queries(begun).values() if query["rule"].startswith("unknown_subj")]
        assert first == later
        assert len(first) == len("Q-0000-0000-0000")

    def test_what_came_and_went_between_two_deliveries_of_one_moment_was_never_a_query(self, trial: Trial) -> None:
        trial.delivery("oxford", "usage", received_at=at("2026-06-01T12:00"))
        trial.event("001", at("2026-05-01T12:00"))
        trial.delivery("oxford", "allocation", received_at=at("2026-06-01T12:00"))
        trial.add("allocation", "oxford", subject_id="001", arm="ICT", randomised_on=RANDOMISED)
        trial.delivery("oxford", "participants", received_at=at("2026-06-01T12:00"))
        person(trial, "001")
        assert queries(trial) == {}


class TestAnswers:
    @pytest.fixture
    def asked(self, begun: Trial) -> Trial:
        night(begun, "participants", "2026-06-01T12:00")
        person(begun, "001", consent_date=day(3))
        return begun

    KEY = ("allocation_without_consent", "001")

    def answer(self, trial: Trial, status: str, given_at: str = "2026-06-01T20:00") -> None:
        query = queries(trial)[self.KEY]
        trial.rows.setdefault("answer", []).append(
            {
                "answer_id": f"a{len(trial.rows.get('answer', []))}", "query_id": query["query_id"], "status": status,
                "given_by": "D. Manager", "given_at": at(given_at), "episode": query["n_reopened"] + 1,
                "version": query["version"], "last_delivery_id": query["last_delivery_id"],
            }
        )  # fmt: skip

    @pytest.mark.parametrize("status", ["resolved", "confirmed"])
    def test_an_answer_is_shown_with_its_giver(self, asked: Trial, status: str) -> None:
        self.answer(asked, status)
        query = queries(asked)[self.KEY]
        assert (query["status"], query["answer"], query["answered_by"]) == ("answered", status, "D. Manager")

    def test_a_confirmed_value_stays_answered_while_it_is_the_same(self, asked: Trial) -> None:
        self.answer(asked, "confirmed")
        night(asked, "participants", "2026-06-02T12:00")
        person(asked, "001", consent_date=day(3), centre="changed")
        assert queries(asked)[self.KEY]["status"] == "answered"

    def test_a_confirmed_value_that_changes_is_asked_about_again(self, asked: Trial) -> None:
        self.answer(asked, "confirmed")
        night(asked, "participants", "2026-06-02T12:00")
        person(asked, "001", consent_date=day(2))
        assert queries(asked)[self.KEY]["status"] == "miscorrected"

    def test_a_confirmed_value_that_was_gone_and_is_back_is_asked_about_again(self, asked: Trial) -> None:
        self.answer(asked, "confirmed")
        for number, consent in ((2, day(-7)), (3, day(3))):
            night(asked, "participants", f"2026-06-0{number}T12:00")
            person(asked, "001", consent_date=consent)
        query = queries(asked)[self.KEY]
        assert (query["status"], query["n_reopened"]) == ("open", 1)

    def test_resolved_and_still_there_at_the_next_delivery_is_open_again(self, asked: Trial) -> None:
        self.answer(asked, "resolved")
        night(asked, "participants", "2026-06-02T12:00")
        person(asked, "001", consent_date=day(3))
        assert queries(asked)[self.KEY]["status"] == "open"

    def test_resolved_and_the_same_bytes_again_is_open_again(self, asked: Trial) -> None:
        self.answer(asked, "resolved")
        night(asked, "participants", "2026-06-02T12:00", status="repeat")
        assert queries(asked)[self.KEY]["status"] == "open"

    def test_resolved_and_wrong_in_another_way_is_miscorrected(self, asked: Trial) -> None:
        self.answer(asked, "resolved")
        night(asked, "participants", "2026-06-02T12:00")
        person(asked, "001", consent_date=day(2))
        assert queries(asked)[self.KEY]["status"] == "miscorrected"

    def test_other_sources_do_not_disturb_an_answer(self, asked: Trial) -> None:
        self.answer(asked, "resolved")
        night(asked, "adverse_events", "2026-06-02T12:00")
        asked.delivery("miyazaki", "participants", received_at=at("2026-06-02T12:00"))
        assert queries(asked)[self.KEY]["status"] == "answered"

    def test_resolved_and_corrected_is_closed(self, asked: Trial) -> None:
        self.answer(asked, "resolved")
        night(asked, "participants", "2026-06-02T12:00")
        person(asked, "001")
        query = queries(asked)[self.KEY]
        assert (query["status"], query["answer"]) == ("closed", "resolved")

    def test_the_latest_answer_counts(self, asked: Trial) -> None:
        self.answer(asked, "resolved")
        self.answer(asked, "confirmed", "2026-06-01T21:00")
        night(asked, "participants", "2026-06-02T12:00")
        person(asked, "001", consent_date=day(3))
        assert queries(asked)[self.KEY]["status"] == "answered"


class TestRules:
    """Each rule broken once, where nothing else is wrong. Those of one feed are tried on several people at once."""

    def test_of_the_participants_file(self, begun: Trial) -> None:
        randomised = {
            "101": ("status_date_missing", {"status": "withdrawn"}),
            "102": ("status_date_too_early", {"status": "withdrawn", "status_date": day(-1)}),
            "103": ("status_date_in_future", {"status": "withdrawn", "status_date": date(2026, 9, 1)}),
            "104": ("allocation_against_status", {"status": "screen_failed"}),
            "105": ("allocation_without_consent", {"consent_date": None}),
        }
        others = {
            "201": ("consent_missing", {"status": "enrolled", "consent_date": None}),
            "202": ("consent_in_future", {"status": "enrolled", "consent_date": date(2026, 9, 1)}),
            "203": ("status_without_allocation", {"status": "randomised"}),
        }
        night(begun, "participants", "2026-06-01T12:00")
        night(begun, "allocation", "2026-06-01T12:00")
        for subject, (_, given) in (randomised | others).items():
            person(begun, subject, **given)
        for subject in randomised:
            begun.add("allocation", "oxford", subject_id=subject, arm="ICT", randomised_on=RANDOMISED)
        assert open_rules(begun) == {(rule, subject) for subject, (rule, _) in (randomised | others).items()}

    def test_of_the_allocation_list(self, begun: Trial) -> None:
        cases = {
            "101": ("randomisation_date_missing", {"randomised_on": None}),
            "102": ("arm_missing", {"arm": None}),
            "103": ("randomisation_in_future", {"randomised_on": date(2026, 9, 1)}),
        }
        night(begun, "participants", "2026-06-01T12:00")
        night(begun, "allocation", "2026-06-01T12:00")
        for subject, (_, given) in cases.items():
            person(begun, subject)
            row = {"subject_id": subject, "arm": "ICT", "randomised_on": RANDOMISED}
            begun.add("allocation", "oxford", **row | given)
        assert open_rules(begun) == {(rule, subject) for subject, (rule, _) in cases.items()}

    def test_an_allocation_of_nobody(self, begun: Trial) -> None:
        begun.add("allocation", "oxford", subject_id="002", arm="ICT", randomised_on=RANDOMISED)
        assert open_rules(begun) == {("unknown_subject_allocation", "002")}

    def test_forms_of_nobody_are_one_query(self, begun: Trial) -> None:
        """Those of the programme are another: they would tell who has it."""
        for week in range(3):
            begun.form("999", "phq9", day(7 * week + 1), phq9(9), visit="WEEKLY")
            begun.form("998", "phq9", day(7 * week + 1), phq9(9), visit="WEEK 8")
        assert open_rules(begun) == {("unknown_subject_weekly_forms", "999"), ("unknown_subject_questionnaires", "998")}

    def test_of_labels_and_windows(self, begun: Trial) -> None:
        begun.form("001", "phq9", day(57), phq9(9), visit="WEEK 15")
        begun.form("001", "gad7", day(80), {"1": 1}, visit="week 8 ")
        begun.form("001", "wsas", day(80), {"1": 1})
        begun.form("001", "spin", day(57), {"1": 1}, visit="eighth")
        assert open_rules(begun) == {
            ("visit_label_disagrees", "001|phq9|WEEK 15"),
            ("form_outside_windows", "001|gad7|WEEK 8"),
            ("form_outside_windows", f"001|wsas|{day(80)}"),
            ("unknown_visit_label", f"001|spin||{day(57)}"),
        }

    def test_a_date_corrected_to_another_wrong_one_is_the_same_query(self, begun: Trial) -> None:
        for number, on in enumerate((57, 58), start=1):
            night(begun, "questionnaires", f"2026-06-0{number}T12:00")
            begun.form("001", "phq9", day(on), phq9(9), visit="WEEK 15")
        assert queries(begun)["visit_label_disagrees", "001|phq9|WEEK 15"]["status"] == "miscorrected"

    def test_a_form_before_consent_and_one_after_the_end(self, begun: Trial) -> None:
        night(begun, "participants", "2026-06-01T12:00")
        person(begun, "001", status="withdrawn", status_date=day(50))
        begun.form("001", "phq9", day(-10), phq9(9), visit="BASELINE")
        begun.form("001", "gad7", day(57), {"1": 1}, visit="WEEK 8")
        assert open_rules(begun) == {
            ("form_before_consent", f"001|phq9|BASELINE|{day(-10)}"),
            ("form_after_end", f"001|gad7|WEEK 8|{day(57)}"),
        }

    def test_two_forms_for_one_visit(self, begun: Trial) -> None:
        begun.form("001", "phq9", day(57), phq9(9), visit="WEEK 8")
        begun.form("001", "phq9", day(59), phq9(9), visit="WEEK 8")
        begun.form("001", "phq9", day(58), phq9(9), visit="WEEKLY")
        begun.form("001", "gad7", day(57), {"1": 1}, visit="WEEK 8")
        assert open_rules(begun) == {("two_forms_for_visit", "001|phq9|WEEK 8")}

    def test_forms_that_never_stood_together_are_no_pair(self, begun: Trial) -> None:
        for number, on in enumerate((57, 59), start=1):
            night(begun, "questionnaires", f"2026-06-0{number}T12:00")
            begun.form("001", "phq9", day(on), phq9(9), visit="WEEK 8")
        assert queries(begun) == {}

    def test_a_visit_that_only_the_other_arm_has(self, begun: Trial) -> None:
        night(begun, "participants", "2026-03-04T12:00")
        person(begun, "001")
        person(begun, "002")
        begun.add("allocation", "oxford", subject_id="002", arm="TAU", randomised_on=RANDOMISED)
        begun.form("002", "phq9", day(57), phq9(9), visit="FOLLOW-UP")
        found = open_rules(begun)
        assert ("visit_of_other_arm", "002|phq9|FOLLOW-UP") in found

    def test_of_adverse_events(self, begun: Trial) -> None:
        cases: dict[str, dict[str, Any]] = {
            "adverse_event_without_subject": {"subject_id": None},
            "adverse_event_without_onset": {"onset_date": None},
            "adverse_event_without_seriousness": {"serious": None},
            "reported_before_onset": {"reported_on": day(9)},
            "fatal_not_serious": {"severity": 5},
            "serious_event_reported_late": {"serious": "Y", "reported_on": day(14)},
            "adverse_event_before_consent": {"onset_date": day(-8)},
            "adverse_event_after_end": {"subject_id": "002"},
            "onset_in_future": {"onset_date": date(2026, 9, 1), "reported_on": None},
            "report_in_future": {"reported_on": date(2026, 9, 1)},
        }
        night(begun, "participants", "2026-06-01T12:00")
        person(begun, "001")
        person(begun, "002", status="withdrawn", status_date=day(5))
        begun.add("allocation", "oxford", subject_id="002", arm="TAU", randomised_on=RANDOMISED)
        night(begun, "adverse_events", "2026-06-01T12:00")
        row = {"subject_id": "001", "onset_date": day(10), "reported_on": day(10), "serious": "N"}
        for name, given in {**cases, "nothing": {}, "in time": {"serious": "Y", "reported_on": day(13)}}.items():
            begun.add("adverse_events", "oxford", **row | given | {"ae_id": name})
        begun.add("adverse_events", "oxford", **row | {"ae_id": "of nobody", "subject_id": "999"})
        expected = {(name, name) for name in cases}
        assert open_rules(begun) == expected | {("unknown_subject_adverse_events", "999")}

    @pytest.mark.parametrize(("as_of", "opened_on"), [(13, None), (14, day(14)), (20, day(14))])
    def test_a_serious_event_without_report_is_late_from_the_day_after_its_limit(
        self, begun: Trial, as_of: int, opened_on: date | None
    ) -> None:
        begun.as_of = day(as_of)
        night(begun, "adverse_events", "2026-03-12T12:00")
        begun.add("adverse_events", "oxford", ae_id="a1", subject_id="001", onset_date=day(10), serious="Y")
        found = queries(begun).get(("serious_event_reported_late", "a1"))
        assert (found["opened_on"] if found else None) == opened_on

    def test_of_contacts_and_intercurrent_events(self, begun: Trial) -> None:
        contacts: dict[str, dict[str, Any]] = {
            "contact_without_subject": {"subject_id": None},
            "contact_without_time": {"occurred_at": None},
            "contact_before_consent": {"occurred_at": at("2026-02-01T12:00")},
            "contact_after_end": {"occurred_at": at("2026-05-01T12:00")},
            "in order": {},
        }
        others: dict[str, dict[str, Any]] = {
            "intercurrent_event_without_subject": {"subject_id": None},
            "intercurrent_event_without_start": {"started_on": None},
            "intercurrent_event_ends_before_start": {"ended_on": day(9)},
            "in order": {},
        }
        night(begun, "participants", "2026-04-21T12:00")
        person(begun, "001", status="withdrawn", status_date=date(2026, 4, 20))
        begun.delivery("oxford", "contacts", received_at=at("2026-06-01T12:00"))
        for name, given in {**contacts, "of nobody": {"subject_id": "999"}}.items():
            row = {"contact_id": name, "subject_id": "001", "occurred_at": at("2026-03-05T12:00")} | given
            begun.add("contacts", "oxford", **{k: v for k, v in row.items() if v is not None})
        night(begun, "intercurrent_events", "2026-06-01T12:00")
        for name, given in {**others, "of nobody": {"subject_id": "999"}}.items():
            begun.add(
                "intercurrent_events", "oxford", **{"ice_id": name, "subject_id": "001", "started_on": day(10)} | given
            )
        named = {(name, name) for name in (*contacts, *others) if name != "in order"}
        assert open_rules(begun) == named | {
            ("unknown_subject_contacts", "999"),
            ("unknown_subject_intercurrent_events", "999"),
        }

    def test_of_use(self, begun: Trial) -> None:
        cases = {
            "101": ("unknown_subject_usage", "2026-03-05T12:00"),
            "102": ("usage_before_consent", "2026-02-01T12:00"),
            "103": ("usage_before_treatment", "2026-03-01T12:00"),
            "104": ("usage_after_end", "2026-05-01T12:00"),
            "105": ("usage_without_access", "2026-03-05T12:00"),
            "106": ("nothing", "2026-03-05T12:00"),
        }
        night(begun, "participants", "2026-04-21T12:00")
        night(begun, "allocation", "2026-04-21T12:00")
        for subject in list(cases)[1:]:
            person(begun, subject, status="withdrawn", status_date=date(2026, 4, 20))
            arm = "TAU" if subject == "105" else "ICT"
            begun.add("allocation", "oxford", subject_id=subject, arm=arm, randomised_on=RANDOMISED)
        begun.delivery("oxford", "usage", received_at=at("2026-06-01T12:00"))
        for subject, (_, when) in cases.items():
            begun.event(subject, at(when))
        begun.event("106", at("2026-03-05T12:00"), "module_completed", module="a")
        begun.event("104", at("2026-03-05T12:00"), "module_opened", module="b")
        begun.event("104", at("2026-03-06T12:00"), "module_released", module="b")
        assert open_rules(begun) == {(rule, subject) for subject, (rule, _) in cases.items() if rule != "nothing"} | {
            ("module_completed_before_opened", "106|a"),
            ("module_opened_before_release", "104|b"),
        }

    def test_an_opening_that_comes_with_a_later_log_closes_the_query(self, begun: Trial) -> None:
        begun.delivery("oxford", "usage", received_at=at("2026-06-01T12:00"))
        begun.event("001", at("2026-03-05T12:00"), "module_completed", module="m")
        begun.delivery("oxford", "usage", received_at=at("2026-06-02T12:00"))
        begun.event("001", at("2026-03-05T11:00"), "module_opened", module="m")
        query = queries(begun)["module_completed_before_opened", "001|m"]
        assert (query["status"], query["closed_on"]) == ("closed", date(2026, 6, 2))

    def test_a_log_corrected_at_the_source_closes_the_query(self, begun: Trial) -> None:
        for number, subject in enumerate(("999", "001"), start=1):
            begun.delivery("oxford", "usage", received_at=at(f"2026-06-0{number}T12:00"))
            begun.event(subject, at("2026-03-05T12:00"), event_id="e1")
        assert queries(begun)["unknown_subject_usage", "999"]["status"] == "closed"

    def test_therapist_and_system_may_act_at_any_time(self, begun: Trial) -> None:
        begun.delivery("oxford", "usage", received_at=at("2026-06-01T12:00"))
        begun.event("001", at("2026-02-01T12:00"), "module_released", module="m", actor="system")
        assert queries(begun) == {}


class TestTotals:
    KEY = ("total_disagrees", f"001|phq9|WEEK 8|{day(57)}|PHQ9")

    def sent(self, trial: Trial, total: int, number: int = 1, **changed: Any) -> None:
        night(trial, "questionnaires", f"2026-06-0{number}T12:00")
        trial.form("001", "phq9", day(57), phq9(9) | {"PHQ9": total} | changed, visit="WEEK 8")

    def test_a_total_that_is_not_the_sum_of_the_items(self, begun: Trial) -> None:
        self.sent(begun, 10)
        assert open_rules(begun) == {self.KEY}

    def test_a_total_corrected_wrongly_and_then_rightly(self, begun: Trial) -> None:
        self.sent(begun, 10)
        self.sent(begun, 11, 2)
        assert queries(begun)[self.KEY]["status"] == "miscorrected"
        self.sent(begun, 9, 3)
        assert queries(begun)[self.KEY]["status"] == "closed"

    def test_an_item_corrected_to_fit_the_total(self, begun: Trial) -> None:
        self.sent(begun, 10)
        self.sent(begun, 10, 2, **{"4": 1})
        assert queries(begun)[self.KEY]["status"] == "closed"

    def test_with_an_item_missing_the_rule_does_not_apply(self, begun: Trial) -> None:
        self.sent(begun, 27, **{"9": None})
        assert reach(begun, "total_disagrees") == (0, 0)

    def test_a_total_is_no_answer_and_enters_no_score(self, begun: Trial) -> None:
        self.sent(begun, 27)
        assert begun.tables().row("SELECT aval, nitem, nmiss FROM analysis.adqs") == (9.0, 9, 0)


class TestQuarantine:
    KEY = ("unknown_code", "001")

    def refused(self, trial: Trial, number: int) -> None:
        delivery = night(trial, "participants", f"2026-06-0{number}T12:00", status="partial", n_rows=1)
        trial.refuse("participants", "oxford", delivery, "001")

    def test_a_refused_row_is_a_query_until_a_delivery_holds_the_record(self, begun: Trial) -> None:
        self.refused(begun, 1)
        query = queries(begun)[self.KEY]
        assert (query["status"], query["opened_on"], query["subject_id"]) == ("open", date(2026, 6, 1), "001")
        self.refused(begun, 2)
        assert (queries(begun)[self.KEY]["status"], queries(begun)[self.KEY]["n_reopened"]) == ("open", 0)
        night(begun, "participants", "2026-06-03T12:00")
        person(begun, "001")
        query = queries(begun)[self.KEY]
        assert (query["status"], query["closed_on"]) == ("closed", date(2026, 6, 3))

    def test_an_incremental_file_of_other_records_closes_nothing(self, begun: Trial) -> None:
        delivery = begun.delivery("oxford", "usage", received_at=at("2026-06-01T12:00"), status="partial", n_rows=1)
        begun.refuse("usage", "oxford", delivery, "e1")
        begun.delivery("oxford", "usage", received_at=at("2026-06-02T12:00"))
        begun.event("001", at("2026-03-05T12:00"), event_id="e2")
        assert queries(begun)["unknown_code", "e1"]["status"] == "open"
        begun.delivery("oxford", "usage", received_at=at("2026-06-03T12:00"))
        begun.event("001", at("2026-03-05T12:00"), event_id="e1")
        assert queries(begun)["unknown_code", "e1"]["closed_on"] == date(2026, 6, 3)

    def test_a_row_without_key_is_told_by_its_file(self, begun: Trial) -> None:
        given = {"file_name": "log.csv", "status": "partial", "n_rows": 1}
        delivery = begun.delivery("oxford", "usage", received_at=at("2026-06-01T12:00"), **given)
        begun.refuse("usage", "oxford", delivery, None)
        (query,) = queries(begun).values()
        assert (query["rule"], query["status"], query["subject_id"]) == ("unknown_code", "open", None)
        begun.delivery("oxford", "usage", received_at=at("2026-06-02T12:00"), file_name="log.csv")
        (query,) = queries(begun).values()
        assert query["status"] == "closed"

    def test_a_code_that_changed_for_everybody_is_one_query(self, begun: Trial) -> None:
        delivery = night(begun, "participants", "2026-06-01T12:00", status="partial", n_rows=60)
        for number in range(60):
            begun.refuse("participants", "oxford", delivery, f"{number:03}")
        assert open_rules(begun) == {("unknown_code", "house|status")}

    def test_a_label_that_is_no_visit_is_in_no_key(self, begun: Trial) -> None:
        delivery = night(begun, "questionnaires", "2026-06-01T12:00", status="partial", n_rows=2)
        begun.refuse("questionnaires", "oxford", delivery, "001|phq9|called Ann|x|2026-05-01|1")
        begun.refuse("questionnaires", "oxford", delivery, "001|phq9|week 8|2026-05-01|1")
        assert {key for _, key in open_rules(begun)} == {"001|phq9||2026-05-01|1", "001|phq9|WEEK 8|2026-05-01|1"}


class TestReach:
    def test_what_a_rule_does_not_apply_to_has_not_passed_it(self, begun: Trial) -> None:
        assert reach(begun, "status_date_missing") == (0, 0)
        assert reach(begun, "allocation_without_consent") == (1, 0)
        night(begun, "participants", "2026-06-01T12:00")
        person(begun, "001", status="withdrawn")
        assert reach(begun, "status_date_missing") == (1, 1)

    def test_rows_read_are_what_the_rules_of_reading_apply_to(self, begun: Trial) -> None:
        delivery = night(begun, "participants", "2026-06-01T12:00", status="partial", n_rows=7)
        begun.refuse("participants", "oxford", delivery, "001")
        assert reach(begun, "quarantined_participants") == (7, 1)


def test_what_the_blinded_may_see_and_what_the_sites_are_sent(begun: Trial) -> None:
    night(begun, "participants", "2026-06-01T12:00")
    person(begun, "001", status="withdrawn")
    begun.form("999", "phq9", day(57), phq9(9))
    begun.form("001", "phq9", day(57), phq9(9), visit="WEEK 15")
    begun.form("001", "phq9", day(189), phq9(9), visit="WEEK 8")
    begun.delivery("oxford", "usage", received_at=at("2026-06-01T12:00"))
    begun.event("999", at("2026-03-05T12:00"))
    shown = {
        (query["rule"], query["blinding"], query["for_site_list"])
        for query in queries(begun).values()
        if query["status"] != "closed"
    }
    assert shown == {
        ("status_date_missing", "revealing", True),
        ("unknown_subject_questionnaires", "safe", True),
        ("visit_label_disagrees", "safe", True),
        ("visit_label_disagrees", "revealing", False),  # the window is of a visit that one arm has
        ("unknown_subject_usage", "revealing", False),
    }


def test_the_order_in_which_files_arrive_makes_no_difference(begun: Trial) -> None:
    """Deliveries are placed by their sequence; here two of one moment swap their rows' order in the tables."""
    night(begun, "participants", "2026-06-01T12:00")
    person(begun, "001", status="withdrawn")
    begun.form("001", "phq9", day(57), phq9(9), visit="WEEK 15")
    before = queries(begun)
    for rows in begun.rows.values():
        rows.reverse()
    begun.deliveries.reverse()
    assert queries(begun) == before


def test_calendar_days_never_count_backwards(begun: Trial) -> None:
    begun.as_of = date(2026, 4, 1)
    night(begun, "participants", "2026-06-01T12:00")
    person(begun, "001", status="withdrawn")
    assert queries(begun)["status_date_missing", "001"]["age_days"] == 0
