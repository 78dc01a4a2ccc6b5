"""Section 9: the allocation held against the log of the programme, which nobody who allocates writes.

Arms have been reversed at one site of a trial, and throughout another. In a trial of an internet programme the log
shows it: somebody whose arm is not given the programme cannot have used it before their second period, if any.
"""

from __future__ import annotations

from pipelines.report.board.parts import Cell, Figure, Flag, Needle, Section, Table
from pipelines.report.board.source import Row, Source
from pipelines.report.board.trial import Trial
from pipelines.report.board.words import count, counted, listed
from pipelines.report.closed.arms import everybody, groups_of

QUESTION = "Does the use of the programme agree with the allocation?"
SESSION = "engagement.session"
# From the day of randomisation to the day before the second period, by the calendar of the site.
_USE = """
    WITH used AS (
        SELECT DISTINCT s.usubjid
        FROM engagement.session AS s
        JOIN closed.person AS p ON p.usubjid = s.usubjid
        JOIN study.site AS site ON site.site_id = p.siteid
        WHERE
            CAST(timezone(site.timezone, s.started_at) AS DATE) >= p.randdt
            AND coalesce(CAST(timezone(site.timezone, s.started_at) AS DATE) < p.ap02sdt, TRUE)
    ),
    log AS (
        SELECT DISTINCT site_id FROM quality.delivery WHERE feed = 'usage' AND status IN ('accepted', 'partial')
    )
    SELECT
        site.site_id,
        bool_or(l.site_id IS NOT NULL) AS has_log,
        count(p.usubjid) FILTER (WHERE p.programme_access) AS n_given,
        count(u.usubjid) FILTER (WHERE p.programme_access) AS n_given_used,
        count(p.usubjid) FILTER (WHERE NOT p.programme_access) AS n_not_given,
        count(u.usubjid) FILTER (WHERE NOT p.programme_access) AS n_not_given_used
    FROM study.site AS site
    LEFT JOIN closed.person AS p ON p.siteid = site.site_id
    LEFT JOIN used AS u ON u.usubjid = p.usubjid
    LEFT JOIN log AS l ON l.site_id = site.site_id
    GROUP BY site.site_id
"""
HEAD = ["Site", "Given the programme, and used it", "Not given it, and used it", "Check"]
NOTE = (
    "Any session of a person's own from the day of randomisation until a second period begins, if one does. Somebody "
    "of an arm that nobody knows is in neither column."
)


def build(source: Source, trial: Trial) -> Section:
    """Pass, fail or not run, in words and by site."""
    arms = trial.study.arms
    if not arms:
        return Section(9, QUESTION, [], absent=["Not run: this trial allocates nobody."])
    if all(arm.programme_access for arm in arms) or not any(arm.programme_access for arm in arms):
        reason = "Not run: every arm is given the programme, or none is, so that its use tells no arm from another."
        return Section(9, QUESTION, [], absent=[reason])
    if not source.has(SESSION):
        return Section(9, QUESTION, [], absent=["Not run: this snapshot does not hold the sessions."])
    rows = {row["site_id"]: row for row in source.rows(_USE)}
    flags = {site: verdict(rows[site]) for site in trial.site_ids}
    lines: list[list[Cell]] = [
        [
            trial.name(site),
            counted(rows[site]["n_given_used"], rows[site]["n_given"]),
            counted(rows[site]["n_not_given_used"], rows[site]["n_not_given"]),
            flags[site],
        ]
        for site in trial.site_ids
    ]
    known = sum(rows[site]["n_given"] + rows[site]["n_not_given"] for site in trial.site_ids)
    figure = Figure(
        "C9.1",
        _title(trial, flags),
        Needle(known, everybody(groups_of(source)), "people"),
        [SESSION, "analysis.adsl"],
        Table(HEAD, lines, numeric=frozenset({1, 2}), languages=[trial.language(site) for site in trial.site_ids]),
        notes=[NOTE],
        keys=list(dict.fromkeys(flag.status for flag in flags.values())),
    )
    return Section(9, QUESTION, [_answer(flags)], figures=[figure])


def verdict(row: Row) -> Flag:
    """Of one site: fail where anybody used what the arm is not given, pass where others used it, else not run."""
    if row["n_not_given_used"]:
        given, not_given = row["n_given_used"] * row["n_not_given"], row["n_not_given_used"] * row["n_given"]
        return Flag("ACTION", "fail: looks reversed" if not_given > given else "fail")
    if not row["n_given"] or not row["n_not_given"]:
        return Flag("NOT_APPLICABLE", "not run: not both kinds of arm have people")
    if not row["has_log"]:
        return Flag("NO_DATA", "not run: no log has come")
    if not row["n_given_used"]:
        return Flag("NO_DATA", "not run: nobody has used it yet")
    return Flag("OK", "pass")


def _answer(flags: dict[str, Flag]) -> str:
    n = {code: sum(flag.status == code for flag in flags.values()) for code in ("ACTION", "OK")}
    rest = len(flags) - n["ACTION"] - n["OK"]
    not_run = f"; not run at {count(rest, 'site')}" if rest else ""
    if n["ACTION"]:
        return f"Fail at {count(n['ACTION'], 'site')}; pass at {count(n['OK'], 'site')}{not_run}."
    return f"Pass at {count(n['OK'], 'site')}{not_run}." if n["OK"] else "Not run at any site yet."


def _title(trial: Trial, flags: dict[str, Flag]) -> str:
    failed = [trial.name(site) for site, flag in flags.items() if flag.status == "ACTION"]
    if failed:
        return f"Somebody used the programme whose arm is not given it: {listed(failed)}"
    if any(flag.status == "OK" for flag in flags.values()):
        return "Nobody used the programme whose arm is not given it"
    return "There is no use yet by which the allocation could be checked"
