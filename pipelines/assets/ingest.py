"""From a site's drop to validated rows: partitioned by site, so that each site has its own history and one
site's broken file never stops the others."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from pipelines import effects
from pipelines.assets.boundary import AGAIN, without_values
from pipelines.assets.night_resource import NightResource
from pipelines.assets.sites import arrival, site_key
from pipelines.landing.receipt import Receipt
from pipelines.landing.receive import Received, receive
from pipelines.night import Night
from pipelines.study.study import Study
from pipelines.validation.deliveries import receipts_of
from pipelines.validation.delivery import conservation_gap
from pipelines.validation.isolation import Session, read_deliveries, reading
from pipelines.validation.rows import Rows
from pipelines.warehouse.kept import mark_doubtful
from schemas.feeds import FEEDS, Feed

DELIVERIES = dg.AssetKey(["landing", "deliveries"])


def rows_key(feed: str) -> dg.AssetKey:
    return dg.AssetKey(["rows", feed])


def ingest_assets(study: Study) -> list[dg.AssetsDefinition]:
    """The deliveries of every site, and the rows of each feed read from them."""
    by_site = dg.StaticPartitionsDefinition([site.site for site in study.sites])
    return [_deliveries(study, by_site), *(_rows(feed, by_site) for feed in FEEDS.values())]


def _deliveries(study: Study, by_site: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=DELIVERIES,
        deps=[site_key(site.site) for site in study.sites],
        partitions_def=by_site,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=AGAIN,
        group_name="landing",
        kinds={"file"},
        description="Files that a site dropped, copied into the store with a receipt each. landing/ is only read.",
    )
    def deliveries(context: dg.AssetExecutionContext, night: NightResource) -> dg.MaterializeResult[None]:
        with without_values(), reading() as session:
            record = _receive_sites(context.run_id, context.partition_keys, night, session)
            receipts = receipts_of(night.workspace, night.protocol())
            mine = [receipt for receipt in receipts if receipt.site_id in context.partition_keys]
            session.ask(night.workspace, night.protocol(), _by_feed(mine))
        for site_id, arrived in _arrived(receipts, record).items():
            context.log_event(arrival(site_id, arrived))
        return dg.MaterializeResult(metadata=_counts_of_look(record))

    return deliveries


def _receive_sites(run_id: str, site_ids: list[str], night: NightResource, session: Session) -> Night:
    """Look at the sites' folders; what one site sent is read while the next one's is taken in. What was taken in is on
    the record even if the look fails, so that it may be tried again."""
    if night.full:
        effects.remove(night.workspace.rows)
        mark_doubtful(night.workspace)
    study = night.protocol().study
    settle = study.deliveries.settle_seconds if night.settle_seconds is None else night.settle_seconds
    landing, now, record = night.landing(), datetime.now(UTC), night.record(run_id)
    record.sites = [site_id for site_id in site_ids if site_id in (night.sites or site_ids)]
    record.not_taken = landing.not_taken
    try:
        for site_id in record.sites:
            received = Received()
            try:
                receive(night.workspace, study.site_by_id[site_id], landing, settle, now, received)
            finally:
                record.received += [receipt.delivery_id for receipt in received.receipts]
                record.waiting |= {f"{site_id}/{place}": why for place, why in received.waiting.items()}
            session.ask(night.workspace, night.protocol(), _by_feed(received.receipts))
    finally:
        if night.takes_in_only:
            record.finish(night.workspace, "ingested")
        else:
            record.save(night.workspace)
    return record


def _arrived(receipts: list[Receipt], record: Night) -> dict[str, list[Receipt]]:
    """What the run took in of each site, but for what was refused on receipt."""
    arrived: dict[str, list[Receipt]] = {}
    for receipt in receipts:
        if receipt.delivery_id in record.received and not receipt.rejected:
            arrived.setdefault(receipt.site_id, []).append(receipt)
    return arrived


def _counts_of_look(record: Night) -> dict[str, int | list[str]]:
    return {
        "received": len(record.received),
        "waiting": len(record.waiting),
        "not taken": len(record.not_taken),
        "sites": record.sites,
    }


def _rows(feed: Feed, by_site: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    key = rows_key(feed.name)

    @dg.asset(
        key=key,
        deps=[DELIVERIES],
        partitions_def=by_site,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=AGAIN,
        group_name="rows",
        kinds={"pandera", "parquet"},
        description=f"{feed.description} Every row is accepted, quarantined with its reason, or a duplicate.",
        check_specs=[
            dg.AssetCheckSpec(
                "conservation",
                asset=key,
                blocking=True,
                description="Of every delivery: arrived = accepted + quarantined + duplicate.",
            )
        ],
    )
    def rows(context: dg.AssetExecutionContext, night: NightResource) -> Iterator[dg.MaterializeResult[None]]:
        with without_values():
            counts, gaps = _read_feed(feed.name, context.partition_keys, night)
        for site_id, of_site in counts.items():
            context.add_asset_metadata(of_site, key, site_id)
        yield dg.MaterializeResult(check_results=[_conservation(gaps)])

    return rows


def _read_feed(
    feed: str, site_ids: list[str], night: NightResource
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """What became of each site's rows, and the deliveries of which some are unaccounted for."""
    protocol = night.protocol()
    counts = {site_id: Counter[str]() for site_id in site_ids}
    gaps: dict[str, int] = {}
    every = [r for r in receipts_of(night.workspace, protocol) if r.feed == feed and r.site_id in site_ids]
    receipts = [receipt for receipt in every if not receipt.rejected]
    read = read_deliveries(night.workspace, protocol, receipts)
    for receipt in receipts:
        rows = read[receipt.delivery_id]
        counts[receipt.site_id].update(_counts(rows))
        if conservation_gap(rows):
            gaps[receipt.delivery_id] = conservation_gap(rows)
    return {site_id: {"dagster/row_count": c["accepted"], **c} for site_id, c in counts.items()}, gaps


def _by_feed(receipts: list[Receipt]) -> list[Receipt]:
    """In the order in which the feeds' assets will ask for them."""
    return sorted(receipts, key=lambda receipt: receipt.feed)


def _counts(rows: Rows) -> dict[str, int]:
    return {
        "deliveries": 1,
        "rejected deliveries": int(rows.rejected is not None),
        "arrived": rows.n_rows,
        "accepted": rows.n_accepted,
        "quarantined": rows.n_quarantined,
        "duplicate": rows.n_duplicate,
    }


def _conservation(gaps: dict[str, int]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name="conservation",
        passed=not gaps,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"deliveries with rows unaccounted for": gaps},
    )
