"""A trial's numbers made up for the page alone: any number of sites, any names, every status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

from pipelines.report.board.source import Source
from pipelines.report.board.trial import Trial, trial_of
from pipelines.study.study import Study

AS_OF = date(2026, 11, 30)
TURN = ("OK", "ACTION", "WATCH", "TOO_FEW", "OK", "NO_DATA", "BROKEN", "NOT_APPLICABLE")
INDICATORS = {
    "K03": ("Forms that arrive late", 0.10),
    "K04": ("Forms that are overdue", 0.10),
    "K05": ("Primary outcome that cannot be scored", 0.15),
    "K06": ("Items left out of received forms", 0.02),
}
MOVED = (
    "K03",
    "randomised",
    "open_queries",
    "forms|WEEK 15|lsas_sr",
    "pattern|lsas_sr, phq9",
    "return|WEEK 8",
    "visit|WEEK 8|overdue",
    "nights|participants|absent",
    "came|participants",
    "queries|over_60",
    "check|check_1",
)
VISITS = {"BASELINE": 0, "WEEK 15": 15}
COLUMNS = (
    "conformance",
    "uniqueness",
    "reference",
    "completeness",
    "plausibility_range",
    "plausibility_time",
    "plausibility_cross",
    "delivery",
)
TYPES = {"v": "VARCHAR", "n": "BIGINT", "x": "DOUBLE", "d": "DATE", "t": "TIMESTAMPTZ", "b": "BOOLEAN"}
Rows = list[dict[str, Any]]


def study(names: Sequence[str], countries: Sequence[str] = (), title: str = "A made-up trial") -> Study:
    """A protocol with sites of these names."""
    sites = [
        {
            "site": f"site_{i}",
            "name": name,
            "country": countries[i] if i < len(countries) else "GBR",
            "language": "en",
            "timezone": "Europe/London",
            "target": 60,
        }
        for i, name in enumerate(names)
    ]
    visits = {"BASELINE": (0, 1, (-28, 1)), "WEEK 15": (15, 106, (92, 133))}
    return Study.model_validate(
        {
            "study": "made_up",
            "title": title,
            "version": "1",
            "arms": [{"arm": arm, "label": arm, "programme_access": arm == "ICT"} for arm in ("ICT", "TAU")],
            "sites": sites,
            "visits": [
                {"avisit": name, "avisitn": number, "target_day": target, "window": window}
                for name, (number, target, window) in visits.items()
            ],
            "instruments": [{"instrument": name, "visits": list(visits)} for name in ("lsas_sr", "phq9")],
            "engagement": {"reason": "made up"},
            "populations": {name: {"randomised": True} for name in ("itt", "mitt", "pprot", "saf")},
            "outcomes": {"primary": {"paramcd": "LSASTOT", "avisit": "WEEK 15"}},
        }
    )


def numbers(protocol: Study, people: int = 60) -> tuple[Source, Trial]:
    """The tables of the report for this study, with `people` screened at each site, and every status somewhere."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    sites = [site.site for site in protocol.sites]
    for table, (columns, rows) in _tables(sites, people).items():
        put(con, table, columns, rows)
    source = Source(con, {"quality.kri": "ab" * 32})
    return source, trial_of(source, protocol)


def put(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Rows) -> None:
    """A table of these rows; `columns` names a type by its letter: `v:site_id n:n_forms`."""
    types = {name: TYPES[letter] for letter, _, name in (word.partition(":") for word in columns.split())}
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {table.split('.')[0]}")
    con.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in types.items())})")
    if rows:
        marks = f"({', '.join('?' * len(types))})"
        values = [row.get(name) for row in rows for name in types]
        con.execute(f"INSERT INTO {table} VALUES {', '.join([marks] * len(rows))}", values)


def _tables(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    return {
        **_identity(),
        **_indicators(sites, people),
        **_arrival(sites, people),
        **_forms(sites, people),
        **_recruitment(sites, people),
        **_flow(sites, people),
        **_checks(sites, people),
        **_queries(sites, people),
        **_central(sites, people),
        **_log(people),
        **_store(sites, people),
    }


def _identity() -> dict[str, tuple[str, Rows]]:
    built_at = datetime(2026, 11, 30, 2, tzinfo=UTC)
    row = {"as_of": AS_OF, "built_at": built_at, "code_version": "0.1.0", "study_digest": "cd" * 32}
    return {
        "meta.snapshot": ("d:as_of t:built_at v:code_version v:study_digest", [row]),
        "meta.table_dictionary": ("v:table_name v:description", []),
        "meta.column_dictionary": ("v:table_name v:column_name n:position v:description v:codes v:blinding", []),
    }


def _indicators(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    columns = (
        "v:kri v:site_id n:numerator n:denominator x:metric x:tolerance x:p_upper x:wilson_low x:wilson_high "
        "x:p_vs_others x:score v:status v:kind n:minimum v:reason n:watch_from n:action_from x:power_watch "
        "x:power_action x:chance_watch x:chance_action v:title v:bad_event v:counted v:why v:source n:position "
        "v:limit_name n:n_critical b:higher_than_others"
    )
    rows = [
        _kri(kri, site, k + i, people, len(sites)) for k, kri in enumerate(INDICATORS) for i, site in enumerate(sites)
    ]
    return {"quality.kri": (columns, rows)}


def _kri(kri: str, site: str, turn: int, n: int, n_sites: int) -> dict[str, Any]:
    title, tolerance = INDICATORS[kri]
    status = TURN[turn % len(TURN)] if n > 9 else "TOO_FEW"
    bad = {"ACTION": n // 2, "WATCH": n // 4}.get(status, n // 20)
    row: dict[str, Any] = {
        "kri": kri,
        "site_id": site,
        "numerator": bad,
        "denominator": n,
        "tolerance": tolerance,
        "status": status,
        "kind": "proportion",
        "minimum": 10,
        "reason": "made up",
        "title": title,
        "bad_event": "bad event",
        "counted": "records",
        "why": "made up",
        "limit_name": kri.lower(),
        "n_critical": 0,
        "higher_than_others": status == "ACTION" and n > 0,
    }
    if n:
        row |= {
            "metric": bad / n,
            "score": {"ACTION": 2.9, "WATCH": 2.1}.get(status, -0.3) if n_sites >= 10 else None,
            "p_upper": {"ACTION": 0.0001, "WATCH": 0.01}.get(status, 0.5),
            "wilson_low": max(0, bad / n - 0.08),
            "wilson_high": min(1, bad / n + 0.1),
            "p_vs_others": 0.004 if status == "ACTION" else 0.5,
            "watch_from": max(1, round(n * tolerance * 2)),
            "action_from": max(2, round(n * tolerance * 2.6)),
            "power_watch": 0.6,
            "power_action": 0.2,
            "chance_watch": 0.02,
            "chance_action": 0.0008,
        }
    if status in ("NO_DATA", "BROKEN"):  # counted, and not judged
        row |= dict.fromkeys(("p_upper", "wilson_low", "wilson_high", "p_vs_others", "power_watch", "power_action"))
    return row


def _arrival(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    nights = [
        {"site_id": site, "feed": feed, "night": AS_OF - timedelta(days=ago), "state": _state(ago, i, people)}
        for i, site in enumerate(sites)
        for feed in ("participants", "questionnaires")
        for ago in range(90)
    ]
    currency = [
        {
            "site_id": site,
            "feed": "questionnaires",
            "last_on": AS_OF - timedelta(days=i) if people else None,
            "newest_on": AS_OF - timedelta(days=9 * i + 1) if people else None,
            "currency_days": 9 * i + 1 if people else None,
            "n_expected": 4,
            "n_arrived": max(0, 4 - i) if people else 0,
            "lag_median": 3 if people else None,
            "lag_p90": 12 if people else None,
            "status": ("OK", "WATCH", "ACTION")[min(i, 2)] if people else "NO_DATA",
            "watch_days": 7,
            "action_days": 14,
        }
        for i, site in enumerate(sites)
    ]
    lag = [
        {
            "site_id": site,
            "lag_days": days,
            "n_at_risk": 40 - days,
            "n_received": 1,
            "n_censored": days % 5 == 4,
            "received_share": 0.5 + days / (50 + 20 * i),
        }
        for i, site in enumerate(["", *sites])
        for days in range(25 if people else 0)
    ]
    return {
        "quality.arrival_night": ("v:site_id v:feed d:night v:state", nights),
        "quality.currency": (
            "v:site_id v:feed d:last_on d:newest_on n:currency_days n:n_expected n:n_arrived v:status n:watch_days "
            "n:action_days n:lag_median n:lag_p90",
            currency,
        ),
        "quality.lag": ("v:site_id n:lag_days n:n_at_risk n:n_received n:n_censored x:received_share", lag),
    }


def _state(ago: int, site: int, people: int) -> str:
    if ago % 7 != site % 7:
        return "not_expected"
    turns = ("accepted", "accepted", "partial", "accepted", "absent", "rejected", "accepted")
    return turns[(ago // 7 + site) % 7] if people else "absent"


def _forms(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    some = bool(people)
    returned = [
        {
            "site_id": site,
            "avisit": visit,
            "avisitn": VISITS[visit],
            "n_randomised": people,
            "n_not_yet": max(0, people - 13),
            "n_open": 0,
            "n_received": min(people, 10),
            "n_overdue": min(max(0, people - 10), 3),
            "n_excused": 0,
        }
        for site in sites
        for visit in VISITS
    ]
    complete = [
        {
            "site_id": site,
            "avisit": visit,
            "instrument": instrument,
            "n_received": min(people, 10),
            "n_overdue": (1 + i) * some,
            "pct_items_missing": 1.2 if some else None,
            "n_unscoreable": i * some,
            "n_items": 500,
            "n_items_missing": 6 * some,
        }
        for site in sites
        for visit in VISITS
        for i, instrument in enumerate(("lsas_sr", "phq9"))
    ]
    patterns = [
        {"pattern_no": 1, "missing": "", "n_people": 80, "n_due": 100},
        {"pattern_no": 2, "missing": "lsas_sr, phq9", "n_people": 12, "n_due": 100},
        {"pattern_no": 3, "missing": "lsas_sr", "n_people": 8, "n_due": 100},
    ]
    rules = [
        {
            "paramcd": code,
            "param": f"{name} total",
            "instrument": name,
            "title": f"The scale {name}",
            "version": "1",
            "missing_allowed": "2 of 9",
            "verified": verified,
            "missing_rule_verified": not verified,
            "unsure": None if verified else "Whether an item is reversed.",
        }
        for name, code, verified in (("lsas_sr", "LSASTOT", True), ("phq9", "PHQ9", False), ("weekly", "WEEKLY", True))
    ]
    return {
        "quality.instrument": (
            "v:paramcd v:param v:instrument v:title v:version v:missing_allowed b:verified b:missing_rule_verified "
            "v:unsure",
            rules,
        ),
        "quality.visit_return": (
            "v:site_id v:avisit n:avisitn n:n_randomised n:n_not_yet n:n_open n:n_received n:n_overdue n:n_excused",
            returned,
        ),
        "quality.completeness": (
            "v:site_id v:avisit v:instrument n:n_received n:n_overdue x:pct_items_missing n:n_unscoreable n:n_items "
            "n:n_items_missing",
            complete,
        ),
        "quality.missing_pattern": ("n:pattern_no v:missing n:n_people n:n_due", patterns if people > 9 else []),
    }


def _recruitment(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    total = people * len(sites)
    weeks = [
        {
            "week": AS_OF - timedelta(days=7 * (26 - week)),
            "n_randomised": total // 26,
            "n_cumulative": total * (week + 1) // 26,
            "n_target": 1.2 * total * (week + 1) / 26,
        }
        for week in range(26 if people else 0)
    ]
    forecast = [
        {"basis": basis, "months": m, "q025": 6 * m, "q10": 7 * m, "q50": 9 * m, "q90": 11 * m, "q975": 12 * m}
        for basis in ("all", "last_8_weeks")
        for m in range(1, 7 if people else 1)
    ]
    by_site = [
        {
            "site_id": site,
            "opened_on": AS_OF - timedelta(days=200) if people else None,
            "months_open": 6.6 if people else None,
            "n_screened": people * times,
            "n_eligible": people * times,
            "n_consented": people * times,
            "n_randomised": people * times,
            "target": 60 * times,
            "target_to_date": 50.0 * times if people else None,
            "pct_of_target": 2.0 * people if people else None,
            "per_month_open": people / 6.6,
            "per_month_randomising": people / 6,
        }
        for site, times in [*((site, 1) for site in sites), ("", len(sites))]
    ]
    return {
        "quality.recruitment_week": ("d:week n:n_randomised n:n_cumulative x:n_target", weeks),
        "quality.recruitment_forecast": ("v:basis n:months n:q025 n:q10 n:q50 n:q90 n:q975", forecast),
        "quality.recruitment": (
            "v:site_id d:opened_on x:months_open n:n_screened n:n_eligible n:n_consented n:n_randomised n:target "
            "x:target_to_date x:pct_of_target x:per_month_open x:per_month_randomising",
            by_site,
        ),
    }


def _flow(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    total = people * len(sites)
    boxes: dict[str, tuple[str | None, int]] = {
        "screened": (None, total),
        "excluded": ("screened", total // 10),
        "excluded: NO TIME": ("excluded", total // 10),
        "pending": ("screened", 0),
        "randomised": ("screened", total - total // 10),
        "in_follow_up": ("randomised", total - total // 10),
        "completed": ("randomised", 0),
        "withdrawn": ("randomised", 0),
        "lost": ("randomised", 0),
        "died": ("randomised", 0),
    }
    rows = [{"box": box, "position": i, "parent": parent, "n": n} for i, (box, (parent, n)) in enumerate(boxes.items())]
    return {"quality.flow": ("v:box n:position v:parent n:n", rows)}


def _checks(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    cards = [
        {
            "check_name": f"check_{c}",
            "site_id": site,
            "kind": "check",
            "grid_column": column,
            "rule": f"the rule number {c}",
            "why": "Something is wrong with a record; ask the site to correct it and to send it again.",
            "level": "critical",
            "n_evaluated": people,
            "n_failing": min(i, people),
            "tolerance": 0.01,
            "minimum": 10,
            "reason": "made up",
            "status": TURN[(i + c) % len(TURN)] if people else "NO_DATA",
            "first_seen": AS_OF - timedelta(days=9),
        }
        for c, column in enumerate(COLUMNS)
        for i, site in enumerate(sites)
    ]
    grid = [
        {"site_id": card["site_id"], "grid_column": card["grid_column"], "status": card["status"]}
        | {"n_evaluated": card["n_evaluated"], "n_failing": card["n_failing"], "n_checks": 1}
        | {f"n_{status.lower()}": int(status == card["status"]) for status in TURN}
        for card in cards
    ]
    counts = " ".join(f"n:n_{status.lower()}" for status in dict.fromkeys(TURN))
    return {
        "quality.check_card": (
            "v:check_name v:site_id v:kind v:grid_column v:rule v:why v:level n:n_evaluated n:n_failing x:tolerance "
            "n:minimum v:reason v:status d:first_seen",
            cards,
        ),
        "quality.check_grid": (f"v:site_id v:grid_column v:status n:n_evaluated n:n_failing n:n_checks {counts}", grid),
    }


def _queries(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    ages = ("n_open_0_7", "n_open_8_14", "n_open_15_30", "n_open_31_60", "n_open_61")
    summary = [
        {"site_id": site, "n_open": 5 * times, "n_queries": 12 * times, "n_closed": 7 * times, "median_days": 14}
        | dict.fromkeys(ages, times)
        for site, times in [*((site, int(people > 0)) for site in sites), ("", len(sites) * (people > 0))]
    ]
    weeks = [
        {"site_id": site, "week": AS_OF - timedelta(days=7 * week), "n_opened": week % 4, "n_closed": week % 3}
        for site in sites
        for week in range(12 if people else 0)
    ]
    ledger = [
        {
            "delivery_id": f"d{i}",
            "site_id": site,
            "feed": "questionnaires",
            "stream": "house",
            "arrived_on": AS_OF - timedelta(days=i),
            "rows_prev": 100,
            "n_added": 20,
            "n_changed": i,
            "n_withdrawn": 0,
            "rows_now": 120,
            "n_primary_changed": 0,
        }
        for i, site in enumerate(sites if people else [])
    ]
    return {
        "quality.query_summary": (
            f"v:site_id n:n_open n:n_queries n:n_closed n:median_days {' '.join(f'n:{age}' for age in ages)}",
            summary,
        ),
        "quality.query_week": ("v:site_id d:week n:n_opened n:n_closed", weeks),
        "quality.redelivery": (
            "v:delivery_id v:site_id v:feed v:stream d:arrived_on n:rows_prev n:n_added n:n_changed n:n_withdrawn "
            "n:rows_now n:n_primary_changed",
            ledger,
        ),
    }


def _central(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    rows = [
        {
            "check_id": check_id,
            "measure": "LSASTOT",
            "site_id": site,
            "title": title,
            "definition": "made up",
            "n_site": people,
            "n_rest": people * (len(sites) - 1),
            "minimum": 50,
            "statistic": 2.5 if people > 49 else None,
            "p": 0.0004 if people > 49 else None,
            "n_listed": 1,
            "status": ("LISTED" if i == 0 else "NOT_LISTED") if people > 49 else "TOO_FEW",
        }
        for check_id, title in (("C1", "Last digits"), ("C5", "Spread"))
        for i, site in enumerate(sites)
    ]
    columns = (
        "v:check_id v:measure v:site_id v:title v:definition n:n_site n:n_rest n:minimum x:statistic x:p n:n_listed "
        "v:status"
    )
    return {"quality.central_check": (columns, rows)}


def _log(people: int) -> dict[str, tuple[str, Rows]]:
    rows = [
        {"measure": "events_a_day", "n": 120, "n_users": people, "upto": AS_OF},
        {"measure": "unusual_days", "n": 2, "n_of": 28, "n_users": people, "upto": AS_OF},
    ]
    return {"quality.log_quality": ("v:measure n:n n:n_of n:n_users d:upto", rows if people > 9 else [])}


def _store(sites: list[str], people: int) -> dict[str, tuple[str, Rows]]:
    """What earlier nights left: twelve weeks with a gap, a last pack, handles."""
    weekly = [
        {
            "kind": kind,
            "name": name,
            "site_id": site,
            "week": AS_OF - timedelta(days=1 + 7 * ago),
            "value": 0.05 + ago / 100,
            "threshold": 0.1,
            "status": "OK",
        }
        for kind, name in (("kri", "K03"), ("check", "check_0"))
        for site in sites
        for ago in (0, 1, 2, 5, 6, 7)
        if people
    ]
    shown = [
        {"kind": "kri", "name": kri, "site_id": site, "status": TURN[(k + i) % len(TURN)] if people > 9 else "TOO_FEW"}
        for k, kri in enumerate(INDICATORS)
        for i, site in enumerate(sites)
    ]
    last = [{"week": AS_OF - timedelta(days=8), "as_of": AS_OF - timedelta(days=7), "compared": True}] if people else []
    changed = [
        {"kind": "check", "name": "check_0", "site_id": sites[0], "before": "OK", "now": "WATCH", "change": "new"},
        {"kind": "kri", "name": "K03", "site_id": sites[-1], "before": "ACTION", "now": "WATCH", "change": "better"},
    ]
    moved = {"numerator_before": 3, "denominator_before": 40, "numerator": 6, "denominator": 60}
    parts = [
        {"number": number, "site_id": sites[0], "side": side, "part": part, "n": n}
        for number in MOVED
        for side, part, n in (
            ("numerator", "new_participants", 2),
            ("denominator", "new_participants", 20),
            ("numerator", "corrections", 1),
        )
    ]
    handles = [{"name": "check_1", "site_id": sites[0], "handle": handle} for handle in ("7QK2ABCDEF", "A2B3C4D5E6")]
    rule = {"what": "program", "before": "0.1.0", "now": "0.1.1"}
    nights = [{"as_of": AS_OF - timedelta(days=ago), "outcome": "published"} for ago in range(28)]
    return {
        "board.weekly": ("v:kind v:name v:site_id d:week x:value x:threshold v:status", weekly),
        "board.shown": ("v:kind v:name v:site_id v:status d:since", shown),
        "board.last_pack": ("d:week d:as_of b:compared", last),
        "board.changed_status": ("v:kind v:name v:site_id v:before v:now v:change", changed if people else []),
        "board.moved": (
            "v:number v:site_id n:denominator_before n:numerator_before n:denominator n:numerator",
            [{"number": number, "site_id": sites[0]} | moved for number in MOVED] if people else [],
        ),
        "board.identity": (
            "n:n_received v:received_digest v:tables_digest v:before_digest",
            [
                {"n_received": 7, "received_digest": "ef" * 32, "tables_digest": "12" * 32}
                | ({"before_digest": "34" * 32} if people else {})
            ],
        ),
        "board.audit": (
            "b:chain_holds b:ledger_holds n:n_unexplained",
            [{"chain_holds": True, "ledger_holds": True, "n_unexplained": 0}] if people else [],
        ),
        "board.verification": (
            "n:position d:made_on b:from_backup b:digests_hold b:chain_holds v:rebuilt n:seconds",
            [
                {"position": 0, "made_on": AS_OF, "from_backup": False, "digests_hold": True, "chain_holds": True}
                | {"rebuilt": "same", "seconds": 150}
            ]
            if people
            else [],
        ),
        "board.explained": ("v:number v:site_id v:side v:part n:n", parts if people else []),
        "board.handle": ("v:name v:site_id v:handle", handles if people else []),
        "board.rule_change": ("v:what v:before v:now v:reason", [rule] if people else []),
        "board.night": ("v:started_at v:finished_at d:as_of v:outcome", nights if people else []),
    }
