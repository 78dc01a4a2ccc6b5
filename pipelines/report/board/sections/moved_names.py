"""What the numbers that move are called, by the names under which the parts of their moves are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipelines.report.board.sections.measures import Measures
from pipelines.report.board.sections.recruitment import BASES
from pipelines.report.board.sections.rules import COLUMNS
from pipelines.report.board.words import capital, listed

# What is no sum: of these the sites' numbers do not add up to that of all sites. The first are shown of every site.
BY_SITE = (
    "age",
    "lag_median",
    "lag_p90",
    "central",
    "chance",
    "interval_low",
    "interval_high",
    "others",
    "watch_from",
    "action_from",
    "score",
)
APART = (
    *BY_SITE,
    "share_by",
    "received_median",
    "close_median",
    "months_open",
    "rate_open",
    "rate_randomising",
    "plan",
    "forecast",
    "comparisons",
    "notice_least",
    "notice_most",
    "luck",
)
CURVES = ("share_by", "received_median")  # of each site, or where there are many of all together
# How many decimals a number has that is kept without its point.
DECIMALS = {
    "months_open": 2,
    "rate_open": 2,
    "rate_randomising": 2,
    "statistic": 2,
    "luck": 2,
    "chance": 3,
    "others": 3,
    "interval_low": 1,
    "interval_high": 1,
    "score": 2,
    "notice_least": 1,
    "notice_most": 1,
}
NAMES = {
    "eligible": "Consented, of those eligible",
    "randomised_8_weeks": "Randomised in the last 8 weeks",
    "lag_median": "Days from filling in to receipt, median",
    "lag_p90": "Days from filling in to receipt, of nine in ten",
    "received_median": "Days after its window closed until half of a visit's forms have come",
    "close_median": "Days until half of the queries are closed",
    "months_open": "Months open",
    "rate_open": "Randomised a month open",
    "rate_randomising": "Randomised a month since the first",
    "plan": "Randomised, of the plan to date",
}
BY_FORM = {
    "forms": "{} received at {}, of those received or overdue",
    "unscored": "{} of {} that cannot be scored, of those received",
    "items": "{} of {}: items left out, of those of the received forms",
}
AT_VISIT = {
    "not_yet": "{}: not yet due",
    "open": "{}: window open",
    "received": "{}: received",
    "overdue": "{}: overdue",
    "excused": "{}: left before",
}
NIGHTS = {
    "accepted": "{}: nights on which all was accepted, of 90",
    "partial": "{}: nights on which some rows were set aside, of 90",
    "rejected": "{}: nights on which files were refused or held, of 90",
    "absent": "{}: nights on which a due file did not come, of 90",
}
QUERIES = {
    "0_7": "Queries open for 0-7 days",
    "8_14": "Queries open for 8-14 days",
    "15_30": "Queries open for 15-30 days",
    "31_60": "Queries open for 31-60 days",
    "over_60": "Queries open for over 60 days",
    "closed": "Queries closed",
    "answered": "Queries answered",
}
IN_COMPARISON = {
    "values": "values here, of those of all sites",
    "statistic": "statistic",
    "chance": "chance",
    "listed": "to look at",
}
COMPARISONS = {"LISTED": "listed", "NOT_LISTED": "not listed", "TOO_FEW": "with too few values"}
OF_INDICATOR = {
    "chance": "{}: chance at the tolerance",
    "interval_low": "{}: interval from, in per cent",
    "interval_high": "{}: interval to, in per cent",
    "others": "{}: chance against the other sites",
    "watch_from": "{}: watched from so many on",
    "action_from": "{}: to be acted on from so many on",
    "score": "{}: score against the other sites",
}
TO_NOTICE = {
    "notice_least": "{}: chance in per cent that a site twice as bad is {}, where it is smallest",
    "notice_most": "{}: chance in per cent that a site twice as bad is {}, where it is largest",
}
NOTICED = {"WATCH": "watched at least", "ACTION": "to be acted on"}
QUANTILES = {"q025": "2.5%", "q10": "10%", "q50": "middle", "q90": "90%", "q975": "97.5%"}


def moved_name(number: str, titles: Mapping[str, str], names: Measures) -> str:
    """A number in words; `titles` are those of indicators and checks, `names` those of instruments."""
    kind, *of = number.split("|")
    if kind in BY_FORM:
        avisit, instrument = of
        return BY_FORM[kind].format(names[instrument], avisit)
    if kind == "pattern":
        missing = [names[name] for name in of[0].split(", ") if name]
        return f"Missing together: {listed(missing)}" if missing else "Nothing missing at the primary outcome"
    if kind == "central":
        check, measure, what = of
        return f"{titles.get(check, check)}, {measure or 'all'}: {IN_COMPARISON[what]}"
    if kind == "comparisons":
        check, state = of
        return f"{titles.get(check, check)}: comparisons {COMPARISONS[state]}"
    if kind in OF_INDICATOR:
        return OF_INDICATOR[kind].format(titles.get(of[0], of[0]))
    if kind in TO_NOTICE:
        kri, status = of
        return TO_NOTICE[kind].format(titles.get(kri, kri), NOTICED[status])
    if kind == "check":
        return f"Check: {titles.get(of[0]) or capital(of[0].replace('_', ' '))}"
    if kind in _OTHERS:
        return _OTHERS[kind](*of)
    return titles.get(number) or NAMES.get(number) or capital(number.replace("_", " "))


def decimals_of(number: str) -> int:
    """How many decimals the number has."""
    kind, *of = number.split("|")
    return DECIMALS.get(of[-1] if kind == "central" else kind, 0)


_OTHERS: dict[str, Callable[..., str]] = {
    "return": "Returned at {}, of received or overdue".format,
    "visit": lambda avisit, state: AT_VISIT[state].format(avisit),
    "nights": lambda feed, state: capital(NIGHTS[state].format(feed)),
    "came": lambda feed: f"{capital(feed)}: nights with a file, of those of the last 28 on which one was due or came",
    "age": lambda feed: f"{capital(feed)}: age of the newest event in days",
    "share_by": lambda days: f"Per cent of a visit's forms received {days} days after its window closed",
    "queries": lambda state: QUERIES[state],
    "grid": lambda column: f"{COLUMNS.get(column, capital(column.replace('_', ' ')))}, all checks of section 6",
    "luck": lambda status: f"{status} that luck alone would show",
    "forecast": lambda basis, q: f"To be randomised in 12 months by {BASES[basis]}, {QUANTILES[q]}",
}
