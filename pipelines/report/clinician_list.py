"""Each site's list of alerts for its clinician, as a page to print and as CSV.

It names people who may be in danger, so it lies in a folder of its own that no report and no board shows, and only
the user who runs the nightly may read. It is written before anything is published: whatever holds a snapshot back
does not hold back an alert.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelines import effects
from pipelines.report.template import template
from pipelines.safety.alerts import alerts
from pipelines.study.load import Protocol
from pipelines.study.study import Site
from pipelines.warehouse.database import open_build
from pipelines.warehouse.render import Answer, render
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from datetime import datetime

NOT_ACKNOWLEDGED = ("overdue", "open")
KINDS = {
    "item_answer": "answer that may tell of danger",
    "item_hidden": "such an answer was refused and could not be read",
    "form_hidden": "records were refused that may hold such an answer",
    "deterioration": "reliably worse than at baseline",
    "serious_event": "serious adverse event",
}
_SERIOUS = """
    SELECT ae_id, subject_id, onset_date, reported_on, delay_days, allowed_days, late FROM safety.serious_event
    WHERE site_id = $site ORDER BY late DESC NULLS LAST, onset_date DESC, ae_id
"""


def write_clinician_lists(workspace: Workspace, protocol: Protocol) -> int:
    """Write `safety/<as-of>/<site>/alerts.html` and `.csv` of every site from tonight's tables, and point
    `safety/latest` there. Returns how many alerts wait to be acknowledged."""
    with open_build(workspace) as con:
        (as_of,) = con.execute("SELECT as_of FROM study.setting").fetchone() or (None,)
        waiting = {site.site: alerts(con, site.site, NOT_ACKNOWLEDGED) for site in protocol.study.sites}
        serious = {site.site: _serious_events(con, site) for site in protocol.study.sites}
    folder = workspace.safety / f"{as_of}"
    for site in protocol.study.sites:
        lines = [_line(alert, site) for alert in waiting[site.site]]
        page = template("clinician_list").render(
            study=protocol.study, site=site, as_of=as_of, lines=lines, serious_events=serious[site.site]
        )
        effects.make_directory(folder / site.site)
        effects.write(folder / site.site / "alerts.html", page.encode())
        effects.write(folder / site.site / "alerts.csv", _csv(lines))
    effects.point(workspace.safety / "latest", f"{as_of}")
    return sum(len(alerts_of_site) for alerts_of_site in waiting.values())


def _serious_events(con: Any, site: Site) -> list[dict[str, Any]]:
    cursor = con.execute(_SERIOUS, {"site": site.site})
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _line(alert: Mapping[str, Any], site: Site) -> dict[str, str]:
    """An alert in words; times by the clock of the site."""
    count = f"{alert['n_records']} records" if alert["n_records"] > 1 else ""
    gone = "" if alert["standing"] else "no longer in the site's data"
    return {
        "alert": alert["alert_id"],
        "severity": alert["severity"],
        "status": alert["status"],
        "person": alert["subject_id"] or "not known",
        "why": KINDS[alert["kind"]],
        "what": ", ".join(part for part in (alert["what"], alert["visit"], count, gone) if part),
        "occurred_on": str(alert["occurred_on"] or "not known"),
        "noticed": _clock(alert["noticed_at"], site),
        "acknowledge_by": _clock(alert["due_at"], site),
    }


def _clock(moment: datetime, site: Site) -> str:
    return f"{moment.astimezone(site.zone):%Y-%m-%d %H:%M}"


def _csv(lines: list[dict[str, str]]) -> bytes:
    """CSV in UTF-8 with the mark by which spreadsheets know it."""
    names = ["alert", "severity", "status", "person", "why", "what", "occurred_on", "noticed", "acknowledge_by"]
    cells: list[tuple[Any, ...]] = [tuple(line[name] for name in names) for line in lines]
    return codecs.BOM_UTF8 + render(Answer(names, ["VARCHAR"] * len(names), cells), "csv")
