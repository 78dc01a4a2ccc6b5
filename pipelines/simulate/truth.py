"""The tables that the pipeline must publish, worked out from the simulator's own records.

This is a second, independent derivation: polars over the records that stand, none of the pipeline's SQL.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from pipelines.simulate.calendar import to_utc
from pipelines.simulate.state import State
from pipelines.simulate.truth_engagement import day_states
from pipelines.simulate.truth_epochs import epochs, with_programme
from pipelines.simulate.truth_events import adverse_events, times
from pipelines.study.instrument import Instrument, Part, Score
from pipelines.study.load import Protocol
from pipelines.study.value_set import ANYWHERE

STATUS = {
    "completed": "COMPLETED",
    "withdrawn": "DISCONTINUED",
    "screen_failed": "SCREEN FAILURE",
    "enrolled": "ONGOING",
    "randomised": "ONGOING",
}


def truth_tables(protocol: Protocol, state: State, as_of: date) -> dict[str, pl.DataFrame]:
    """adsl, score, adqw, adae, adtte, session, participant_week, module_progress and day_state, each sorted by its key.

    Columns and meanings are those of the published tables of the same names (score: analysis.adqs);
    `as_of` is the day that counts as today.
    """
    subjects, begun = _people(protocol, state, as_of)
    usage = _of_subjects(state.usage, subjects)
    sessions = _sessions(protocol, usage)
    records = _records(protocol, state, subjects, begun)
    second = begun.filter(epoch_no=2).select("usubjid", pl.col("start_on").alias("ap02sdt"))
    return {
        "adsl": subjects.join(second, on="usubjid", how="left", maintain_order="left").select(
            "usubjid", "siteid", "arm", "randdt", "rficdt", "age", "sex", "eosstt", "eosdt", "ittfl", "ap02sdt"
        ),
        "score": _scores(records),
        "adqw": _weeks(records),
        "adae": adverse_events(_of_subjects(state.adverse_events, subjects)),
        "adtte": times(protocol, state, subjects, usage, as_of),
        "session": sessions.drop("day"),
        "participant_week": _participant_weeks(state, subjects, sessions, usage, as_of),
        "module_progress": _module_progress(protocol, usage),
        "day_state": day_states(state, subjects, usage, as_of),
    }


def analysis_records(protocol: Protocol, state: State, as_of: date) -> pl.DataFrame:
    """Every score of a form with its visit, baseline and change; `form` is the simulator's number of it."""
    return _records(protocol, state, *_people(protocol, state, as_of))


def _people(protocol: Protocol, state: State, as_of: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row a person, with access to the programme and its start; and one a person and epoch."""
    subjects = _subjects(protocol, state)
    begun = epochs(protocol, state, subjects, as_of)
    return with_programme(subjects, begun), begun


def _subjects(protocol: Protocol, state: State) -> pl.DataFrame:
    """One row a person listed by a site, with what the other tables count from: reference, start, access, zone."""
    study = protocol.study
    zones = {site.site: site.timezone for site in study.sites}
    access = [arm.arm for arm in study.arms if arm.programme_access]
    reference = "consent_date" if study.reference_date == "consent" else "randomised_on"
    randomised = pl.col("arm").is_not_null()
    enrolled = randomised | (
        pl.col("consent_date").is_not_null() & ~pl.col("status").is_in(["screened", "screen_failed"])
    )
    in_itt = randomised if study.populations.itt.randomised else enrolled
    has_reference = randomised if study.arms else pl.lit(True)
    starts_by_consent = study.treatment is None or study.treatment.starts == "consent" or not study.arms
    start = pl.col("consent_date" if starts_by_consent else "randomised_on")
    treated = enrolled & has_reference & (study.treatment is not None)
    over = pl.col("status").is_in(["completed", "withdrawn"])
    people = state.participants.join(state.allocation, on=["site", "subject_id"], how="left")
    return people.select(
        pl.format(f"{study.study}-{{}}-{{}}", "site", "subject_id").alias("usubjid"),
        pl.col("site").alias("siteid"),
        "subject_id",
        "arm",
        pl.col("randomised_on").alias("randdt"),
        pl.col("consent_date").alias("rficdt"),
        (pl.col("consent_date").dt.year().cast(pl.Int64) - pl.col("birth_year")).alias("age"),
        "sex",
        pl.col("status").replace_strict(STATUS, default=None, return_dtype=pl.String).alias("eosstt"),
        pl.when(over).then("status_date").alias("eosdt"),
        enrolled.fill_null(False).alias("enrolled"),
        pl.when(in_itt).then(pl.lit("Y")).otherwise(pl.lit("N")).alias("ittfl"),
        pl.when(has_reference).then(reference).alias("reference"),
        pl.when(treated).then(start).alias("start"),
        (pl.col("arm").is_in(access) if study.arms else pl.lit(True)).fill_null(False).alias("access"),
        has_reference.alias("has_reference"),
        pl.col("site").replace_strict(zones, return_dtype=pl.String).alias("zone"),
    ).sort("usubjid")


def _of_subjects(rows: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    """Rows of people whom a site listed, with the person's own columns."""
    own = ["subject_id", "usubjid", "zone", "reference", "start", "since", "arm", "has_reference"]
    known = subjects.select(pl.col("siteid").alias("site"), *own)
    key = ["site", "subject_id"]
    return rows.drop("zone", strict=False).join(known, on=key, how="inner", maintain_order="left")


# ---------------------------------------------------------------- questionnaires


def _records(protocol: Protocol, state: State, subjects: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """Every score of a form with its visit, baseline and change."""
    answers = _of_subjects(state.answers, subjects)
    answered = answers.filter(pl.col("value").is_not_null())
    scored = pl.concat(
        _score(score, instrument, answered.filter(instrument=instrument.instrument), _worth(protocol, instrument))
        for instrument, score in protocol.scores
    )
    records = _placed(protocol, _forms(answered, state), begun).join(scored, on="form")
    source = pl.when("weekly").then(pl.lit("weekly")).otherwise(pl.lit("visit"))
    return _analysed(protocol, records, begun).with_columns(pl.col("day").alias("adt"), source.alias("srcform"))


def _scores(records: pl.DataFrame) -> pl.DataFrame:
    key = ["usubjid", "paramcd", "adt"]
    values = ["avisit", "ady", "aval", "nmiss", "dtype", "anl01fl", "ablfl", "base", "chg", "aperiod", "ablper"]
    return records.select(*key, "visit", "srcform", *values).sort(*key, "srcform", "visit")


def _weeks(records: pl.DataFrame) -> pl.DataFrame:
    """The record that stands for each study week: with a value, latest day, earliest time."""
    key = ["usubjid", "paramcd", "aweek"]
    started = pl.coalesce("start", "reference")
    return (
        records.filter(started.is_not_null())
        .with_columns(((pl.col("day") - started).dt.total_days().floordiv(7) + 1).alias("aweek"))
        .sort(
            *key,
            pl.col("aval").is_null(),
            "day",
            "moment",
            "aseq",
            descending=[False, False, False, False, True, False, False],
        )
        .unique(key, keep="first", maintain_order=True)
        .select(*key, "adt", "aval", "nmiss", "dtype", "srcform")
    )


def _score(score: Score, instrument: Instrument, answered: pl.DataFrame, worth: pl.DataFrame) -> pl.DataFrame:
    """form, paramcd, aval, nmiss, dtype for each form that answers one of the score's items."""
    forms = answered.filter(pl.col("item").is_in(score.items))
    total = forms.select("form").unique().with_columns(aval=pl.lit(0.0), nmiss=pl.lit(0, pl.Int64))
    for part in score.parts:
        total = total.join(_part(part, instrument, forms), on="form", how="left").select(
            "form",
            pl.col("aval") + pl.col("points"),
            (pl.col("nmiss") + pl.col("missing").fill_null(len(part.items))).alias("nmiss"),
        )
    if score.is_profile:
        total = total.drop("aval").join(_profiles(score, forms, worth), on="form", how="left")
    elif score.method == "mean":
        total = total.with_columns(pl.col("aval") / len(score.items))
    filled = pl.col("aval").is_not_null() & (pl.col("nmiss") > 0)
    how = "PRORATED" if any(part.missing_count_as == "mean" for part in score.parts) else "LOWEST"
    return total.select(
        "form",
        _rounded(score).alias("aval"),
        "nmiss",
        pl.lit(score.paramcd).alias("paramcd"),
        pl.when(filled).then(pl.lit(how)).alias("dtype"),
    )


def _part(part: Part, instrument: Instrument, forms: pl.DataFrame) -> pl.DataFrame:
    """form, points, missing of the forms that answer an item of the part.

    With k of n items answered, their sum is taken k' / k times, where k' counts the items that stand as the mean of
    the others as well; the rest of the n stand as their lowest answer.
    """
    n, lowest = len(part.items), {item: instrument.ranges[item][0] for item in part.items}
    of_part = forms.filter(pl.col("item").is_in(part.items)).with_columns(
        _points(instrument), pl.col("item").replace_strict(lowest, return_dtype=pl.Int64).alias("low")
    )
    is_na = pl.col("value") == "NA"
    sums = of_part.group_by("form").agg(
        pl.col("points").sum().alias("sum"),
        pl.col("points").count().cast(pl.Int64).alias("k"),
        is_na.sum().cast(pl.Int64).alias("na"),
        (sum(lowest.values()) - pl.col("low").sum()).alias("low_missing"),
        pl.col("low").filter(is_na).sum().alias("low_na"),
    )
    missing = n - pl.col("k") - pl.col("na")
    mean_missing, mean_na = part.missing_count_as == "mean", part.not_applicable_count_as == "mean"
    counted = pl.col("k") + (missing if mean_missing else 0) + (pl.col("na") if mean_na else 0)
    as_lowest = (0 if mean_missing else pl.col("low_missing")) + (0 if mean_na else pl.col("low_na"))
    points = pl.when(missing <= part.missing_allowed, pl.col("k") > 0).then(
        pl.col("sum") * counted / pl.col("k") + as_lowest
    )
    return sums.select("form", points.alias("points"), missing.alias("missing"))


def _worth(protocol: Protocol, instrument: Instrument) -> pl.DataFrame:
    """site, profile, worth: what the value set of each site's country gives a profile."""
    sets = protocol.value_sets.get(instrument.instrument, {})
    rows = [
        (site.site, profile, value)
        for site in protocol.study.sites
        for profile, value in sets.get(site.country, sets.get(ANYWHERE, {})).items()
    ]
    return pl.DataFrame(rows, schema={"site": pl.String, "profile": pl.String, "worth": pl.Float64}, orient="row")


def _profiles(score: Score, forms: pl.DataFrame, worth: pl.DataFrame) -> pl.DataFrame:
    """form, aval: of a profile without a value set none, else what its site's country gives it."""
    order = {item: position for position, item in enumerate(score.items)}
    profiles = (
        forms.with_columns(pl.col("item").replace_strict(order, return_dtype=pl.Int64).alias("position"))
        .sort("form", "position")
        .group_by("form", "site")
        .agg(pl.col("value").str.join("").alias("profile"))
        .join(worth, on=["site", "profile"], how="left")
    )
    value = pl.col("worth") if score.method == "value_set" else pl.lit(None, pl.Float64)
    return profiles.select("form", value.alias("aval"))


def _rounded(score: Score) -> pl.Expr:
    whole, exact = 10**score.decimals, pl.col("aval")
    scaled = (exact * whole).round(9)
    up, down = scaled.ceil(), scaled.floor()
    halves = {"half_up": (scaled + 0.5).floor(), "half_even": scaled.round(0, mode="half_to_even")}
    return exact if score.rounding == "none" else {"up": up, "down": down, **halves}[score.rounding] / whole


def _points(instrument: Instrument) -> pl.Expr:
    """The answer as a number; of reversed items counted from the other end."""
    answer = pl.col("value").cast(pl.Int64, strict=False)
    ends = {item: sum(instrument.ranges[item]) for item in instrument.reversed_items}
    if ends:
        turned = pl.col("item").replace_strict(ends, default=None, return_dtype=pl.Int64)
        answer = pl.when(turned.is_not_null()).then(turned - answer).otherwise(answer)
    return answer.alias("points")


def _forms(answered: pl.DataFrame, state: State) -> pl.DataFrame:
    """One row a form with an answer: its day, study day, and the moment that orders it."""
    zones = answered["zone"].unique().sort().to_list()
    day = pl.col("local").dt.date()
    days = (day - pl.col("reference")).dt.total_days()
    by_day = pl.col("form").is_in(list(state.by_day))
    forms = answered.unique("form", keep="first", maintain_order=True).with_columns(
        day.alias("day"),
        (days + (days >= 0).cast(pl.Int64)).alias("ady"),
        pl.when(by_day).then(day.cast(pl.Datetime("us"))).otherwise("local").alias("local"),
    )
    moment = to_utc("local", zones) if zones else pl.lit(None, pl.Datetime("us", "UTC"))
    return forms.with_columns(moment.alias("moment"))


def _placed(protocol: Protocol, forms: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """With `avisit` and `off` (days from the target): the visit whose window holds the form's day; and `aperiod`, the
    epoch of that visit, else the last that began before that day.

    Windows are counted from their epoch's first day and close when the next one begins; where those of two epochs
    hold the day, the earlier has it. A weekly form fills a visit of its instrument where no visit form of it lies in
    the window.
    """
    study = protocol.study
    avisit, off, period = pl.lit(None, pl.String), pl.lit(None, pl.Int64), pl.lit(None, pl.Int64)
    last = pl.lit(None, pl.Int64)
    for number in range(1, max(len(study.epochs), 1) + 1):
        names = {"start_on": f"start_{number}", "next_start_on": f"next_{number}", "arm": f"arm_{number}"}
        own = begun.filter(epoch_no=number).select("usubjid", *(pl.col(old).alias(new) for old, new in names.items()))
        forms = forms.join(own, on="usubjid", how="left", maintain_order="left")
        start = pl.col(f"start_{number}")
        last = (
            pl.when(start.is_not_null() & ((start < pl.col("day")) | pl.lit(number == 1))).then(number).otherwise(last)
        )
    for visit in sorted(study.visits, key=study.epoch_number, reverse=True):
        number = study.epoch_number(visit)
        first, end, target = (day - int(day > 0) for day in (*visit.window, visit.target_day))
        since = (pl.col("day") - pl.col(f"start_{number}")).dt.total_days()
        until = (pl.col(f"next_{number}") - pl.col(f"start_{number}")).dt.total_days()
        theirs = pl.lit(True) if visit.arms is None else pl.col(f"arm_{number}").is_in(visit.arms)
        inside = (since >= first) & (since <= pl.min_horizontal(pl.lit(end), until)) & theirs
        avisit = pl.when(inside).then(pl.lit(visit.avisit)).otherwise(avisit)
        off = pl.when(inside).then(since - target).otherwise(off)
        period = pl.when(inside).then(number).otherwise(period)
    forms = forms.with_columns(avisit.alias("window"), off.alias("off"), period.alias("period"), last.alias("last"))
    attended = forms.filter(~pl.col("weekly")).select("usubjid", "instrument", "window").unique()
    forms = forms.join(
        attended.with_columns(pl.lit(True).alias("attended")),
        on=["usubjid", "instrument", "window"],
        how="left",
        maintain_order="left",
    )
    due = pl.any_horizontal(
        pl.lit(False),
        *(
            (pl.col("instrument") == schedule.instrument) & pl.col("window").is_in(schedule.visits)
            for schedule in study.instruments
        ),
    )
    fills = due & pl.col("attended").is_null() & (study.weekly.fills_visit == "when_missing")
    counts = ~pl.col("weekly") | fills
    return forms.with_columns(
        pl.when(counts).then(pl.coalesce("period", "last")).otherwise("last").cast(pl.Int64).alias("aperiod"),
        pl.when(~pl.col("has_reference"))
        .then(pl.lit("SCREENING"))
        .when(counts)
        .then(pl.col("window").fill_null("UNSCHEDULED"))
        .otherwise(pl.lit("UNSCHEDULED"))
        .alias("avisit"),
    )


def _analysed(protocol: Protocol, records: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """Baseline and change in the record's own epoch, and the record that stands for each visit."""
    key = ["usubjid", "paramcd"]
    records = records.sort(*key, "moment", "form").with_columns(pl.int_range(pl.len()).over(key).alias("aseq"))
    has_value = pl.col("aval").is_not_null()
    baseline = _baselines(protocol, records.filter(has_value), begun)
    of_later = (
        baseline.filter(pl.col("aperiod") > 1).group_by(*key, "base_aseq").agg(pl.col("aperiod").max().alias("ablper"))
    )
    records = (
        records.join(baseline, on=[*key, "aperiod"], how="left")
        .join(of_later.rename({"base_aseq": "aseq"}), on=[*key, "aseq"], how="left")
        .with_columns((pl.col("aseq") == pl.col("base_aseq")).fill_null(False).alias("is_base"))
    )
    chosen = (
        records.filter(has_value, ~pl.col("avisit").is_in(["SCREENING", "UNSCHEDULED"]))
        .sort(~pl.col("is_base"), pl.col("off").abs(), "moment", "aseq")
        .unique([*key, "avisit"], keep="first", maintain_order=True)
        .select(*key, "aseq", pl.lit("Y").alias("anl01fl"))
    )
    after = pl.col("aseq") > pl.col("base_aseq")
    return records.join(chosen, on=[*key, "aseq"], how="left").with_columns(
        pl.when(pl.col("is_base") & (pl.col("aperiod") == 1)).then(pl.lit("Y")).alias("ablfl"),
        pl.when(after).then(pl.col("aval") - pl.col("base")).alias("chg"),
    )


def _baselines(protocol: Protocol, records: pl.DataFrame, begun: pl.DataFrame) -> pl.DataFrame:
    """usubjid, paramcd, aperiod, base_aseq, base: the last value of the first epoch's BASELINE up to its first day; of
    a later epoch, the last one up to its first day and no older than the study file allows."""
    candidates = [
        records.filter(pl.col("avisit") == "BASELINE", pl.col("ady") <= 1).with_columns(
            pl.lit(1, pl.Int64).alias("aperiod")
        )
    ]
    for number, epoch in enumerate(protocol.study.epochs[1:], 2):
        start = begun.filter(epoch_no=number).select("usubjid", pl.col("start_on").alias("begins"))
        recent = pl.col("day").is_between(pl.col("begins") + pl.duration(days=epoch.baseline_from), "begins")
        stands = ~pl.col("weekly") | ~pl.col("avisit").is_in(["SCREENING", "UNSCHEDULED"])
        found = records.join(start, on="usubjid").filter(recent & stands).drop("begins")
        candidates.append(found.with_columns(pl.lit(number, pl.Int64).alias("aperiod")))
    return (
        pl.concat(candidates)
        .sort("aseq")
        .group_by("usubjid", "paramcd", "aperiod")
        .agg(pl.col("aseq").last().alias("base_aseq"), pl.col("aval").last().alias("base"))
    )


# ---------------------------------------------------------------- use of the programme


def _sessions(protocol: Protocol, usage: pl.DataFrame) -> pl.DataFrame:
    """A participant's own events, cut where the gap is strictly longer than the study's."""
    gap = pl.duration(minutes=protocol.study.engagement.session_gap_minutes)
    own = usage.filter(pl.col("actor") == "participant", pl.col("utc").is_not_null()).sort("usubjid", "utc", "event_id")
    new = (pl.col("utc") - pl.col("utc").shift(1).over("usubjid") > gap).fill_null(True)
    own = own.with_columns(new.cast(pl.Int64).cum_sum().over("usubjid").alias("session_no"))
    return (
        own.group_by("usubjid", "session_no", maintain_order=True)
        .agg(
            pl.col("utc").first().alias("started_at"),
            pl.col("utc").last().alias("ended_at"),
            pl.len().cast(pl.Int64).alias("n_events"),
            _week().first().alias("week_no"),
            pl.col("day").first(),
        )
        .sort("usubjid", "session_no")
    )


def _week() -> pl.Expr:
    """Study week of a row's day: 1 for the seven days from the start of the programme on."""
    return (pl.col("day") - pl.col("since")).dt.total_days().floordiv(7) + 1


def _participant_weeks(
    state: State, subjects: pl.DataFrame, sessions: pl.DataFrame, usage: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """Every week that a person with access was in, with zeros; NULL where the site's log does not reach it."""
    last = pl.min_horizontal("eosdt", pl.lit(as_of))
    week_ends = pl.col("since") + pl.duration(days=7 * pl.col("week_no") - 1)
    n_weeks = (last - pl.col("since")).dt.total_days() // 7 + 1
    weeks = (
        subjects.filter("access", last >= pl.col("since"))
        .with_columns(pl.int_ranges(1, n_weeks + 1).alias("week_no"), last.alias("last"))
        .explode("week_no")
        .with_columns(pl.min_horizontal(week_ends, "last").alias("last_day"))
    )
    contacts = _of_subjects(state.contacts, subjects).with_columns(_week().alias("week_no"))
    usage = usage.with_columns(_week().alias("week_no"))
    key = ["usubjid", "week_no"]
    sent = (pl.col("event") == "message_sent").cast(pl.Int64)
    by_participant = pl.col("actor") == "participant"
    counted = [
        sessions.group_by(key).agg(pl.len().cast(pl.Int64).alias("n_sessions")),
        usage.group_by(key).agg(
            pl.lit(True).alias("any_usage"),
            ((pl.col("event") == "login") & by_participant).sum().cast(pl.Int64).alias("n_logins"),
            (sent * by_participant).sum().alias("n_messages_to_therapist"),
            (sent * (pl.col("actor") == "therapist")).sum().alias("n_messages_from_therapist"),
        ),
        contacts.group_by(key).agg(
            pl.lit(True).alias("any_contact"),
            (pl.col("kind") == "call").sum().cast(pl.Int64).alias("n_calls"),
            pl.col("minutes").sum().alias("therapist_minutes"),
        ),
    ]
    for counts in counted:
        weeks = weeks.join(counts, on=key, how="left")
    used, talked = _reached(state, "usage", "any_usage"), _reached(state, "contacts", "any_contact")
    usage_columns = ("n_sessions", "n_logins", "n_messages_to_therapist", "n_messages_from_therapist")
    return weeks.select(
        *key,
        *(pl.when(used).then(pl.col(c).fill_null(0)).alias(c) for c in usage_columns),
        *(pl.when(talked).then(pl.col(c).fill_null(0)).alias(c) for c in ("n_calls", "therapist_minutes")),
    ).sort(key)


def _reached(state: State, feed: str, anything: str) -> pl.Expr:
    """Whether the site's deliveries of the feed speak of the week, or something of it is known anyway."""
    reached = pl.col(anything).fill_null(False)
    for (site, of), end in state.log_ends.items():
        if of == feed:
            covers = pl.lit(True) if end is None else pl.col("last_day") <= end
            reached |= (pl.col("siteid") == site) & covers
    return reached


def _module_progress(protocol: Protocol, usage: pl.DataFrame) -> pl.DataFrame:
    """Release, first opening, completion and openings of each module of which the log knows anything."""
    core = {module.module: module.kind == "core" for module in protocol.study.modules}
    opened = (pl.col("event") == "module_opened") & (pl.col("actor") == "participant")

    def first(condition: pl.Expr) -> pl.Expr:
        return pl.col("utc").filter(condition).min()

    return (
        usage.filter(pl.col("module").is_not_null())
        .group_by("usubjid", "module")
        .agg(
            first(pl.col("event") == "module_released").alias("released_at"),
            first(opened).alias("first_opened_at"),
            first(pl.col("event") == "module_completed").alias("completed_at"),
            opened.sum().cast(pl.Int64).alias("n_opens"),
        )
        .with_columns(pl.col("module").replace_strict(core, default=None, return_dtype=pl.Boolean).alias("is_core"))
        .select("usubjid", "module", "is_core", "released_at", "first_opened_at", "completed_at", "n_opens")
        .sort("usubjid", "module")
    )
