"""Each site as an asset that this pipeline does not make: it is materialised when the site sends something.

Dagster judges freshness of whole assets, not of partitions. So a site that stops sending turns stale here, on its
own, while the others stay fresh.
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from pipelines.landing.receipt import Receipt
from pipelines.study.study import Site, Study

GROUP = "sites"


def site_key(site_id: str) -> dg.AssetKey:
    return dg.AssetKey(["site", site_id])


def site_assets(study: Study) -> list[dg.AssetSpec]:
    return [_site(site) for site in study.sites]


def _site(site: Site) -> dg.AssetSpec:
    days = silent_days(site)
    sources = dg.MetadataValue.md(_expected(site))
    stale = f"Stale when nothing has come for {days} days." if days else "The study file does not say how often."
    return dg.AssetSpec(
        key=site_key(site.site),
        group_name=GROUP,
        kinds={"file"},
        description=f"{site.name}: what the site drops in `landing/{site.site}/`, at each time that it does. {stale}",
        metadata={"country": site.country, "time zone": site.timezone, "expected": sources},
        freshness_policy=dg.FreshnessPolicy.time_window(timedelta(days=days)) if days else None,
    )


def silent_days(site: Site) -> int | None:
    """After how many days without any file a site is late with the source that it sends most often. As a source is
    late only when its day has passed, one day more than the study file says."""
    expected = [s.expected_every_days for sources in site.feeds.values() for s in sources if s.expected_every_days]
    return min(expected) + 1 if expected else None


def _expected(site: Site) -> str:
    """The site's sources and how often each is expected, as a table of Markdown."""
    lines = [
        f"| {feed} | {source.source} | {source.expected_every_days or ''} |"
        for feed, sources in site.feeds.items()
        for source in sources
    ]
    return "\n".join(["| feed | source | every … days |", "|---|---|---|", *lines])


def arrival(site_id: str, receipts: list[Receipt]) -> dg.AssetMaterialization:
    """That a site sent something: how much, for Dagster to plot over the nights."""
    return dg.AssetMaterialization(
        asset_key=site_key(site_id),
        description="The site sent files.",
        metadata={"files": len(receipts), "bytes": sum(receipt.bytes for receipt in receipts)},
    )
