"""The protocol as tables, `study.*`: what SQL knows of a study it knows from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.study.engagement import MEASURES
from pipelines.study.indicator import load_indicators
from pipelines.study.load import Protocol
from pipelines.study.outcome import RULES
from pipelines.study.query_rule import QueryChoice, load_query_rules
from pipelines.study.value_set import ANYWHERE
from pipelines.warehouse.database import create_table, insert_rows
from schemas.feeds import FEEDS

Rows = Iterator[tuple[Any, ...]]


@dataclass(frozen=True)
class StudyTable:
    """A table of the protocol; `rows` gives its rows in the order of `columns`."""

    name: str
    columns: dict[str, str]
    rows: Callable[[Protocol], Rows]


def create_study_tables(con: Any, protocol: Protocol, as_of: date, code_version: str, *, file: Path) -> None:
    """Every `study.*` table, in the database `file` that `con` is connected to."""
    for name, columns, rows in study_tables(protocol, as_of, code_version):
        create_table(con, name, columns, file=file)
        insert_rows(con, name, rows, file=file)


def study_tables(protocol: Protocol, as_of: date, code_version: str) -> Iterator[tuple[str, dict[str, str], Rows]]:
    """Every `study.*` table: its name, its columns with their types, its rows."""
    yield "study.setting", SETTING, iter([_setting(protocol, as_of, code_version)])
    for table in STUDY_TABLES:
        yield table.name, table.columns, table.rows(protocol)


def study_columns() -> dict[str, dict[str, str]]:
    """The columns of every `study.*` table with their types."""
    return {"study.setting": SETTING} | {table.name: table.columns for table in STUDY_TABLES}


def _columns(text: str) -> dict[str, str]:
    """`"a VARCHAR, b BIGINT"` → {a: VARCHAR, b: BIGINT}; what has no type is VARCHAR."""
    pairs = [part.split() for part in text.split(",")]
    return {pair[0]: pair[1] if len(pair) > 1 else "VARCHAR" for pair in pairs}


SETTING = _columns(
    "study_id, title, version, reference_date, has_allocation BOOLEAN, as_of DATE, recruitment_closed_on DATE,"
    "treatment_starts, treatment_weeks BIGINT, session_gap_minutes BIGINT, weekly_label,"
    "weekly_fills, primary_paramcd, primary_avisit, outcomes_seen_by, study_digest, code_version"
)


def _setting(protocol: Protocol, as_of: date, code_version: str) -> tuple[Any, ...]:
    study = protocol.study
    return (
        study.study,
        study.title,
        study.version,
        study.reference_date,
        study.has_allocation,
        as_of,
        study.recruitment_closed_on,
        study.treatment.starts if study.treatment else None,
        study.treatment.weeks if study.treatment else None,
        study.engagement.session_gap_minutes,
        study.weekly.label,
        study.weekly.fills_visit,
        study.outcomes.primary.paramcd,
        study.outcomes.primary.avisit,
        study.who_sees_outcomes,
        protocol.digest,
        code_version,
    )


def _sites(protocol: Protocol) -> Rows:
    for site in protocol.study.sites:
        yield site.site, site.name, site.country, site.language, site.timezone, site.target, site.opened_on


def _sources(protocol: Protocol) -> Rows:
    for site in protocol.study.sites:
        for feed, sources in site.feeds.items():
            for source in sources:
                blinding = source.blinding or FEEDS[feed].blinding
                yield site.site, feed, source.source, blinding, source.expected_every_days


def _arms(protocol: Protocol) -> Rows:
    for arm in protocol.study.arms:
        yield arm.arm, arm.label, arm.programme_access


def _arms_of(protocol: Protocol, named: list[str] | None) -> list[str]:
    return [arm.arm for arm in protocol.study.arms if named is None or arm.arm in named]


def _visits(protocol: Protocol) -> Rows:
    every = _arms_of(protocol, None)
    for visit in protocol.study.visits:
        epoch_no = protocol.study.epoch_number(visit)
        shared = epoch_no == 1 and _arms_of(protocol, visit.arms) == every
        yield visit.avisit, visit.avisitn, visit.target_day, *visit.window, shared, epoch_no


def _visit_arms(protocol: Protocol) -> Rows:
    for visit in protocol.study.visits:
        for arm in _arms_of(protocol, visit.arms) or [""]:
            yield visit.avisit, arm


def _scheduled_forms(protocol: Protocol) -> Rows:
    for schedule in protocol.study.instruments:
        for avisit in schedule.visits:
            yield avisit, schedule.instrument, schedule.asked_since(avisit)


def _instruments(protocol: Protocol) -> Rows:
    schedules = {schedule.instrument: schedule for schedule in protocol.study.instruments}
    for name, instrument in protocol.instruments.items():
        unsure = " ".join(instrument.unsure) or None
        facts = (instrument.title, instrument.version, instrument.language, instrument.verified, unsure)
        rule = instrument.missing_rule
        missing = (rule.source, rule.verified) if rule else (None, None)
        asked = schedules[name].weekly, schedules[name].asked_since("weekly")
        yield name, *facts, *asked, "; ".join(instrument.source), *missing


def _items(protocol: Protocol) -> Rows:
    since = {schedule.instrument: schedule.items_since for schedule in protocol.study.instruments}
    for name, instrument in protocol.instruments.items():
        for item, (minimum, maximum) in instrument.ranges.items():
            is_reversed, may_be_na = item in instrument.reversed_items, item in instrument.may_be_not_applicable
            label, test_code = instrument.labels.get(item), instrument.test_codes.get(item)
            yield name, item, minimum, maximum, is_reversed, may_be_na, label, test_code, since[name].get(item)


def _scores(protocol: Protocol) -> Rows:
    for order, (instrument, score) in enumerate(protocol.scores, start=1):
        yield (
            score.paramcd,
            order,
            score.param,
            instrument.instrument,
            score.direction,
            len(score.items),
            *(score.range or (None, None)),
            score.method,
            score.rounding,
            score.decimals,
            instrument.is_verified(score),
            instrument.cdisc.scores.get(score.paramcd) if instrument.cdisc else None,
        )


def _score_parts(protocol: Protocol) -> Rows:
    for instrument, score in protocol.scores:
        for number, part in enumerate(score.parts, start=1):
            lowest = sum(instrument.ranges[item][0] for item in part.items)
            counts_as = part.missing_count_as, part.not_applicable_count_as
            yield score.paramcd, number, len(part.items), part.missing_allowed, *counts_as, lowest


def _score_items(protocol: Protocol) -> Rows:
    for instrument, score in protocol.scores:
        position = 0
        for number, part in enumerate(score.parts, start=1):
            for item in part.items:
                position += 1
                is_reversed = item in instrument.reversed_items
                ends = instrument.ranges[item]
                yield score.paramcd, number, instrument.instrument, item, *ends, is_reversed, position


def _score_bands(protocol: Protocol) -> Rows:
    for _, score in protocol.scores:
        for label, begins, ends in score.bands.spans if score.bands else ():
            yield score.paramcd, label, begins, ends


def _value_sets(protocol: Protocol) -> Rows:
    """What profiles are worth, by the countries of the sites that have a value set."""
    countries = sorted({site.country for site in protocol.study.sites})
    for instrument, score in protocol.scores:
        sets = protocol.value_sets.get(instrument.instrument, {}) if score.method == "value_set" else {}
        for country in countries:
            for profile, value in sets.get(country, sets.get(ANYWHERE, {})).items():
                yield score.paramcd, country, profile, value


def _published_thresholds(protocol: Protocol) -> Rows:
    """Cut-offs, by country where they differ, and reliable changes, as the instruments' literature has them."""
    for _, score in protocol.scores:
        for cutoff in score.cutoffs:
            for country in cutoff.countries or (None,):
                said = cutoff.source, cutoff.verified
                yield score.paramcd, cutoff.name, country, cutoff.value, cutoff.side, *said
        for change in score.reliable_change:
            yield score.paramcd, "reliable_change", None, change.points, None, change.source, change.verified


def _modules(protocol: Protocol) -> Rows:
    for module in protocol.study.modules:
        yield module.module, module.label, module.kind, module.kind == "core", module.in_phase


def _module_arms(protocol: Protocol) -> Rows:
    """Whose programme a module belongs to; '' in a study without arms."""
    study = protocol.study
    arms: list[str | None] = [arm.arm for arm in study.arms if arm.programme_access]
    for arm in arms if study.arms else [None]:
        for module in study.modules_of(arm):
            yield module.module, arm or ""


def _populations(protocol: Protocol) -> Rows:
    for name, condition in protocol.study.populations:
        yield (
            name.upper(),
            condition.randomised,
            condition.baseline_primary,
            condition.post_baseline_primary,
            condition.primary_at_endpoint,
            condition.programme_started,
            condition.core_modules_completed,
        )


def _epochs(protocol: Protocol) -> Rows:
    yield 1, protocol.study.epochs[0].epoch if protocol.study.epochs else None, "reference", None, None, None, None
    for number, epoch in enumerate(protocol.study.epochs[1:], 2):
        starts = epoch.starts
        assert starts is not None, "the study file was checked: a later epoch says when it starts"
        yield (
            number,
            epoch.epoch,
            starts.kind,
            starts.weeks,
            starts.last_form_of,
            epoch.arm,
            epoch.baseline_from,
        )


def _epoch_arms(protocol: Protocol) -> Rows:
    for number, epoch in enumerate(protocol.study.epochs[1:], 2):
        for arm in _arms_of(protocol, epoch.arms) or [""]:
            yield number, arm


def _outcome_definitions(protocol: Protocol) -> Rows:
    outcomes = protocol.study.outcomes
    codes = [score.paramcd for _, score in protocol.scores]
    for site in protocol.study.sites:
        for code in codes:
            in_force = [outcomes.in_force(rule, code, site.country) for rule in RULES]
            yield site.site, code, *(definition.points if definition else None for definition in in_force)


def _definitions(protocol: Protocol) -> Rows:
    for site in protocol.study.sites:
        for rule in RULES:
            for named in protocol.study.outcomes.of_rule(rule):
                if named.holds_in(site.country):
                    what = (named.name(rule), named.version, named.paramcd, named.points)
                    yield site.site, rule, *what, named.source, named.verified


def _recoveries(protocol: Protocol) -> Rows:
    for named in protocol.study.outcomes.recovery:
        yield named.definition, named.version, named.title, named.source, named.verified


def _recovery_measures(protocol: Protocol) -> Rows:
    outcomes = protocol.study.outcomes
    for named in outcomes.recovery:
        for slot, alternatives in enumerate(named.measures, 1):
            for preference, measure in enumerate(alternatives, 1):
                case = outcomes.named("caseness", measure.caseness)
                change = outcomes.named("reliable_change", measure.reliable_change)
                yield named.definition, slot, preference, measure.paramcd, case.points, change.points


def _sudden_gains(protocol: Protocol) -> Rows:
    outcomes = protocol.study.outcomes
    for gain in outcomes.sudden_gains:
        fall = outcomes.named("reliable_change", gain.reliable_change).points
        yield gain.definition, gain.version, gain.paramcd, fall, gain.share, gain.source, gain.verified


def _discontinuation_reasons(protocol: Protocol) -> Rows:
    for reason in protocol.study.discontinuation_reasons:
        yield (reason,)


def _exclusion_reasons(protocol: Protocol) -> Rows:
    for reason in protocol.study.exclusion_reasons:
        yield (reason,)


def _end_reasons(protocol: Protocol) -> Rows:
    for kind in ("lost", "died"):
        for reason in getattr(protocol.study.end_reasons, kind):
            yield reason, kind


def _currency_limits(protocol: Protocol) -> Rows:
    for feed, limit in protocol.study.currency.items():
        yield feed, limit.watch_days, limit.action_days, limit.reason


def _recruitment_plan(protocol: Protocol) -> Rows:
    if plan := protocol.study.recruitment:
        yield (plan.months,)


def _indicators(protocol: Protocol) -> Rows:
    for indicator in load_indicators():
        yield indicator.kri, protocol.study.indicator_days.get(indicator.kri, indicator.days)


def _safety(protocol: Protocol) -> Rows:
    yield protocol.study.safety.acknowledge_within_hours, protocol.study.safety.report_serious_within_days


def _risk_items(protocol: Protocol) -> Rows:
    for name, instrument in protocol.instruments.items():
        for risk in instrument.risk_items:
            yield name, risk.item, risk.flag, risk.urgent


def _non_usage(protocol: Protocol) -> Rows:
    if rule := protocol.study.intercurrent_events.non_usage:
        yield (rule.days,)


def _session_gaps(protocol: Protocol) -> Rows:
    engagement = protocol.study.engagement
    for gap in engagement.gaps:
        yield gap, gap == engagement.session_gap_minutes


def _log_limits(protocol: Protocol) -> Rows:
    log = protocol.study.engagement.log
    yield log.minutes_ahead, log.minutes_behind, log.session_hours, log.switch_minutes, log.switches


def _silence(protocol: Protocol) -> Rows:
    if rule := protocol.study.engagement.silence:
        yield rule.history_days, rule.expected_user_days, rule.people


def _planned_calls(protocol: Protocol) -> Rows:
    weeks = [week for calls in protocol.study.engagement.calls for week in calls.weeks]
    for week in sorted(set(weeks)):
        yield week, weeks.count(week)


def _test_accounts(protocol: Protocol) -> Rows:
    for account in protocol.study.engagement.test_accounts:
        yield account.removesuffix("*"), not account.endswith("*")


def _engagement_measures(protocol: Protocol) -> Rows:
    del protocol  # what is measured is the same in every study
    for number, (code, (label, unit)) in enumerate(MEASURES.items(), 1):
        yield code, number, label, unit


def _adherence(protocol: Protocol) -> Rows:
    for number, rule in enumerate(protocol.study.engagement.adherence, 1):
        what = (rule.definition, number, rule.version, rule.title, rule.category, rule.period, len(rule.all_of))
        yield *what, rule.intended_use, rule.justification, rule.source, rule.verified


def _adherence_thresholds(protocol: Protocol) -> Rows:
    for rule in protocol.study.engagement.adherence:
        for threshold in rule.all_of:
            yield rule.definition, threshold.measure, threshold.at_least, threshold.at_most


def _leaving_reasons(protocol: Protocol) -> Rows:
    yield from protocol.study.intercurrent_events.leaving_for.items()


def _outages(protocol: Protocol) -> Rows:
    for outage in protocol.study.intercurrent_events.outages:
        yield outage.site, outage.first_day, outage.last_day


def _quality_limits(protocol: Protocol) -> Rows:
    for name, limit in protocol.study.quality.items():
        yield name, limit.tolerance, limit.minimum, limit.reason


def _query_rules(protocol: Protocol) -> Rows:
    for name, rule in load_query_rules().items():
        choice = protocol.study.queries.get(name) or QueryChoice(reason="")
        yield (
            name,
            rule.feed,
            rule.column,
            choice.severity or rule.severity,
            rule.blinding,
            rule.tells_arm,
            rule.days if choice.days is None else choice.days,
            rule.together_from,
            choice.used,
            rule.applies,
            rule.message,
        )


def _drift_limit(protocol: Protocol) -> Rows:
    drift = protocol.study.deliveries.drift
    yield drift.records, drift.share, drift.expected, drift.days


def _feeds(protocol: Protocol) -> Rows:
    del protocol  # the feeds are the same in every study
    for feed in FEEDS.values():
        yield feed.name, feed.blinding, feed.full_by_default


_ITEM_RANGE = "minimum BIGINT, maximum BIGINT, reversed BOOLEAN"
STUDY_TABLES = [
    StudyTable(name, _columns(columns), rows)
    for name, columns, rows in (
        ("study.site", "site_id, name, country, language, timezone, target BIGINT, opened_on DATE", _sites),
        ("study.source", "site_id, feed, source, blinding, expected_every_days BIGINT", _sources),
        ("study.arm", "arm, label, programme_access BOOLEAN", _arms),
        (
            "study.visit",
            "avisit, avisitn BIGINT, target_day BIGINT, window_from BIGINT, window_to BIGINT,"
            "shared_by_all_arms BOOLEAN, epoch_no BIGINT",
            _visits,
        ),
        ("study.visit_arm", "avisit, arm", _visit_arms),
        ("study.scheduled_form", "avisit, instrument, since DATE", _scheduled_forms),
        (
            "study.instrument",
            "instrument, title, version, language, verified BOOLEAN, unsure, weekly BOOLEAN, weekly_since DATE,"
            "source, missing_rule, missing_rule_verified BOOLEAN",
            _instruments,
        ),
        (
            "study.item",
            f"instrument, item, {_ITEM_RANGE}, may_be_not_applicable BOOLEAN, label, test_code, since DATE",
            _items,
        ),
        (
            "study.score",
            "paramcd, paramn BIGINT, param, instrument, direction, n_items BIGINT, minimum DOUBLE, maximum DOUBLE,"
            "method, rounding, decimals BIGINT, verified BOOLEAN, test_code",
            _scores,
        ),
        (
            "study.score_part",
            "paramcd, part BIGINT, n_items BIGINT, missing_allowed BIGINT, missing_count_as, not_applicable_count_as,"
            "lowest BIGINT",
            _score_parts,
        ),
        ("study.score_item", f"paramcd, part BIGINT, instrument, item, {_ITEM_RANGE}, position BIGINT", _score_items),
        ("study.value_set", "paramcd, country, profile, value DOUBLE", _value_sets),
        ("study.score_band", "paramcd, label, begins DOUBLE, ends DOUBLE", _score_bands),
        (
            "study.published_threshold",
            "paramcd, name, country, value DOUBLE, side, source, verified BOOLEAN",
            _published_thresholds,
        ),
        ("study.module", "module, label, kind, is_core BOOLEAN, phase", _modules),
        ("study.module_arm", "module, arm", _module_arms),
        (
            "study.population",
            "population, randomised BOOLEAN, baseline_primary BOOLEAN, post_baseline_primary BOOLEAN,"
            "primary_at_endpoint BOOLEAN, programme_started BOOLEAN, core_modules_completed BIGINT",
            _populations,
        ),
        (
            "study.epoch",
            "epoch_no BIGINT, epoch, starts, weeks BIGINT, last_form_of, arm, baseline_from BIGINT",
            _epochs,
        ),
        ("study.epoch_arm", "epoch_no BIGINT, arm", _epoch_arms),
        (
            "study.outcome_definition",
            "site_id, paramcd, reliable_change DOUBLE, caseness DOUBLE, response DOUBLE, remission DOUBLE",
            _outcome_definitions,
        ),
        (
            "study.definition",
            "site_id, rule, definition, version, paramcd, threshold DOUBLE, source, verified BOOLEAN",
            _definitions,
        ),
        ("study.recovery", "definition, version, title, source, verified BOOLEAN", _recoveries),
        (
            "study.recovery_measure",
            "definition, slot BIGINT, preference BIGINT, paramcd, caseness DOUBLE, reliable_change DOUBLE",
            _recovery_measures,
        ),
        (
            "study.sudden_gain",
            "definition, version, paramcd, fall DOUBLE, share DOUBLE, source, verified BOOLEAN",
            _sudden_gains,
        ),
        ("study.discontinuation_reason", "reason", _discontinuation_reasons),
        ("study.exclusion_reason", "reason", _exclusion_reasons),
        ("study.end_reason", "reason, kind", _end_reasons),
        ("study.indicator", "kri, days BIGINT", _indicators),
        ("study.currency_limit", "feed, watch_days BIGINT, action_days BIGINT, reason", _currency_limits),
        ("study.recruitment_plan", "months DOUBLE", _recruitment_plan),
        ("study.safety", "acknowledge_within_hours BIGINT, report_serious_within_days BIGINT", _safety),
        ("study.risk_item", "instrument, item, flag BIGINT, urgent BIGINT", _risk_items),
        ("study.non_usage", "days BIGINT", _non_usage),
        ("study.session_gap", "gap_minutes BIGINT, is_primary BOOLEAN", _session_gaps),
        (
            "study.log_limit",
            "minutes_ahead BIGINT, minutes_behind BIGINT, session_hours BIGINT, switch_minutes BIGINT, switches BIGINT",
            _log_limits,
        ),
        ("study.silence", "history_days BIGINT, expected_user_days BIGINT, people BIGINT", _silence),
        ("study.planned_call", "week_no BIGINT, n_calls BIGINT", _planned_calls),
        ("study.test_account", "begins, is_whole BOOLEAN", _test_accounts),
        ("study.engagement_measure", "paramcd, paramn BIGINT, param, unit", _engagement_measures),
        (
            "study.adherence",
            "definition, priority BIGINT, version, title, category, aperiod, n_thresholds BIGINT, intended_use,"
            "justification, source, verified BOOLEAN",
            _adherence,
        ),
        (
            "study.adherence_threshold",
            "definition, paramcd, at_least DOUBLE, at_most DOUBLE",
            _adherence_thresholds,
        ),
        ("study.leaving_reason", "reason, kind", _leaving_reasons),
        ("study.outage", "site_id, first_day DATE, last_day DATE", _outages),
        ("study.quality_limit", "check_name, tolerance DOUBLE, minimum BIGINT, reason", _quality_limits),
        (
            "study.query_rule",
            "rule, feed, column_name, severity, blinding, tells_arm BOOLEAN, days BIGINT, together_from BIGINT,"
            "used BOOLEAN, applies, message",
            _query_rules,
        ),
        ("study.drift_limit", "records BIGINT, share DOUBLE, expected BIGINT, days BIGINT", _drift_limit),
        ("study.feed", "feed, blinding, full_by_default BOOLEAN", _feeds),
    )
]
