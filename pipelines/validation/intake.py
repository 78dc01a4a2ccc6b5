"""One delivery from its original bytes to accepted rows and quarantine."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects
from pipelines.landing.dialects import Export, Opened, open_export
from pipelines.landing.readers import Batch, Table, UnreadableError, listed, open_table
from pipelines.landing.receipt import Receipt
from pipelines.study.dialect import Redcap
from pipelines.study.load import Protocol
from pipelines.study.source import Source
from pipelines.study.study import Site
from pipelines.validation import contract, record_layout
from pipelines.validation.clock import n_ambiguous
from pipelines.validation.dictionary_of_delivery import Dictionary
from pipelines.validation.duplicates import Counts, Delivered, set_duplicates_apart, suspects
from pipelines.validation.mapping import FeedMapping, Kept, Mapped, map_header
from pipelines.validation.messages import Wording
from pipelines.validation.read_ahead import read_ahead
from pipelines.validation.row_file import RowFile
from pipelines.validation.rows import ACCEPTED, QUARANTINE, Rows, load_rows
from pipelines.validation.sources import Choice, choose_source
from pipelines.validation.spreadsheet_damage import refuse_cut_text, with_damage
from pipelines.validation.typed import Clocks, type_rows
from pipelines.workspace import Workspace
from schemas.feeds import FEEDS, Feed

if TYPE_CHECKING:
    import polars as pl

REFUSED = ".refused.parquet"
_HERE = Path(__file__).parents[2]
_READING_CODE = (
    *("pipelines/landing/readers", "pipelines/landing/dialects", "pipelines/validation"),
    *("pipelines/study", "schemas/feeds"),
)


class ConservationError(Exception):
    """Records of a file were lost or counted twice: a fault of this program, never of a file."""


def read_delivery(workspace: Workspace, protocol: Protocol, receipt: Receipt) -> Rows:
    """The rows of one delivery, read once and kept under the digest of everything they depend on.

    A file that cannot be read comes back as `Rows.rejected`. Raises ConservationError.
    """
    if (known := known_rows(workspace, protocol, receipt)) is not None:
        return known
    feed, site = FEEDS[receipt.feed], protocol.study.site_by_id[receipt.site_id]
    blank, folder = no_rows(receipt), rows_folder(workspace, protocol, receipt)
    effects.remove(folder)  # what a reading that was interrupted left there
    effects.make_directory(folder)
    path = workspace.original(receipt.content_sha256)
    try:
        choice = choose_source(path, receipt, site, feed)
    except UnreadableError as error:
        return replace(blank, rejected=str(error)).save(folder)
    blank = replace(blank, stream=choice.stream, scope=choice.scope, blinding=choice.blinding)
    reading = Reading(protocol, site, feed, receipt, choice, path, folder)
    try:
        rows = reading.rows(blank)
    except UnreadableError as error:
        rows = replace(blank, rejected=str(error))
    finally:
        reading.discard()
    return replace(rows, variables=reading.save_dictionary()).save(folder)


def known_rows(workspace: Workspace, protocol: Protocol, receipt: Receipt) -> Rows | None:
    """What is known of a delivery without reading it; None where it is still to be read."""
    if receipt.rejected or receipt.site_id not in protocol.study.site_by_id:
        return replace(no_rows(receipt), rejected=receipt.rejected or "the study file does not name the site")
    return load_rows(rows_folder(workspace, protocol, receipt))


def no_rows(receipt: Receipt) -> Rows:
    """Of a delivery of which nothing has been read."""
    return Rows(receipt.delivery_id, "", receipt.scope or "incremental", FEEDS[receipt.feed].blinding)


def rows_folder(workspace: Workspace, protocol: Protocol, receipt: Receipt) -> Path:
    """Where the rows of a delivery lie that were read by this protocol and this code."""
    site = protocol.study.site_by_id[receipt.site_id]
    return workspace.rows / receipt.delivery_id / _digest(protocol, site, FEEDS[receipt.feed], receipt)


def prepare() -> None:
    """Load what reading a delivery needs, which takes longer than reading most; of pandera also what it would load
    with the first."""
    for module in ("duckdb", "numpy", "pandera.polars", "polars", "pyarrow.csv", "pyarrow.parquet", "pyreadstat"):
        import_module(module)
    import_module("pandera.backends.polars.builtin_checks")


def _digest(protocol: Protocol, site: Site, feed: Feed, receipt: Receipt) -> str:
    """Of everything but the bytes that the rows depend on."""
    of_receipt = [receipt.place.isoformat(), receipt.file_name, receipt.scope]
    return sha256(json.dumps([code_digest(), _rules(protocol, site, feed), *of_receipt]).encode()).hexdigest()[:32]


def _rules(protocol: Protocol, site: Site, feed: Feed) -> str:
    """The digest of what is the same for all that a site sends for a feed, found once: a store may hold thousands."""
    found: dict[tuple[str, str], str] = vars(protocol).setdefault("rules_of_reading", {})
    if (site.site, feed.name) not in found:
        facts: dict[str, Any] = {
            "sources": site.model_dump(mode="json")["feeds"],
            "feed": repr(feed),
            "codes": contract.study_codes(protocol),
            "dictionaries": {name: dictionary.digest for name, dictionary in protocol.dictionaries.items()},
            "items": [instrument.model_dump(mode="json")["items"] for instrument in protocol.instruments.values()],
            "zone": site.timezone,
        }
        text = json.dumps(facts, sort_keys=True, default=str)
        found[site.site, feed.name] = sha256(text.encode()).hexdigest()
    return found[site.site, feed.name]


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Of the code that reads: rows read by other code are read again."""
    digest = sha256()
    for folder in _READING_CODE:
        for path in sorted((_HERE / folder).rglob("*.py")):
            digest.update(path.relative_to(_HERE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@dataclass
class Reading:
    """The reading of one file: what has been counted and written so far."""

    protocol: Protocol
    site: Site
    feed: Feed
    receipt: Receipt
    choice: Choice
    path: Path
    folder: Path
    counts: Counts = field(default=Counts(0, 0, 0))
    n_empty: int = 0
    any_ambiguous: bool = False  # whether an accepted row holds a time that exists twice
    n_ragged: int = 0  # records that the reader could not split into cells
    hashes: list[pl.Series] = field(default_factory=list)  # of the keys of accepted rows, in their order
    refused_hashes: list[pl.Series] = field(default_factory=list)
    files: list[RowFile] = field(default_factory=list)
    accepted: RowFile = field(init=False)
    quarantine: RowFile = field(init=False)
    refused: RowFile = field(init=False)
    dictionary: Dictionary | None = None  # None until the file could be opened

    def rows(self, blank: Rows) -> Rows:
        """Read the whole file. Raises UnreadableError, ConservationError."""
        opened = self._opened()
        table, source = opened.table, opened.source
        self.dictionary = Dictionary(self.feed, source, self.others, self.protocol, table)
        on = self.receipt.place.astimezone(self.site.zone).date()
        mapping = map_header(self.feed, source, self.protocol.instruments, table.header, self.others, on)
        self.dictionary.follow(mapping)
        self.accepted = self._file(ACCEPTED, self.layout.accepted, self.layout.distinct)
        self.quarantine = self._file(QUARANTINE, record_layout.quarantine_shape())
        self.refused = self._file(REFUSED, self.layout.refused, kept=False)
        with closing(read_ahead(table.batches(mapping.used))) as batches:
            for batch in batches:
                kept = mapping.kept(batch)
                self.dictionary.take(batch.cells.height, kept.cells)
                self._take(batch, kept, mapping)
        _require_keys(mapping, table)
        if self.choice.read.format == "delimited":
            refuse_cut_text(table.n_records, self.receipt.rows)
            self._require_an_even_row(table)
        for file in self.files:
            file.close()
        counts = self._without_duplicates()
        n_accepted = counts.accepted + self.n_empty
        if n_accepted + counts.quarantined + counts.duplicate != table.n_records:
            raise ConservationError(
                f"delivery {self.receipt.delivery_id}: {table.n_records} records arrived, but {n_accepted} were "
                f"accepted, {counts.quarantined} quarantined and {counts.duplicate} are duplicates"
            )
        return replace(
            blank,
            n_rows=table.n_records,
            n_accepted=n_accepted,
            n_quarantined=counts.quarantined,
            n_duplicate=counts.duplicate,
            n_ambiguous_time=n_ambiguous(self.accepted.path) if self.any_ambiguous else 0,
            # Of a header alone nothing shows that no row of data has run into it.
            unknown_columns=mapping.unknown(table.seen) if table.n_records else [],
            accepted=self.accepted.path,
            quarantine=self.quarantine.path,
        )

    def save_dictionary(self) -> Path | None:
        return self.dictionary.save(self.folder, self.receipt.delivery_id) if self.dictionary else None

    def _opened(self) -> Opened:
        """The file's table under the names that the mapping knows."""
        source = self.choice.source
        dialect = source.dialect
        named = dialect.dictionary if isinstance(dialect, Redcap) else None
        return open_export(
            Export(
                lambda how: open_table(self.path, self.receipt.file_name, how.read),
                source,
                self.others,
                self.clocks.zone,
                self.protocol.dictionaries[named] if named else None,
            )
        )

    @cached_property
    def others(self) -> list[Source]:
        """What else the site sends: one export may serve several feeds."""
        mine = (self.feed.name, self.choice.stream)
        every = [(feed, source) for feed, sources in self.site.feeds.items() for source in sources]
        return [source for feed, source in every if (feed, source.source) != mine]

    def discard(self) -> None:
        for file in self.files:
            file.discard()
        effects.remove(self.folder / REFUSED)

    def _file(self, name: str, shape: dict[str, Any], distinct: tuple[str, ...] = (), *, kept: bool = True) -> RowFile:
        said = {"delivery_id": self.receipt.delivery_id, "site_id": self.site.site}
        file = RowFile(self.folder / name, shape, distinct, said, kept=kept)
        self.files.append(file)
        return file

    @cached_property
    def layout(self) -> record_layout.Layout:
        return record_layout.Layout(self.feed)

    @cached_property
    def clocks(self) -> Clocks:
        source = self.choice.source
        zone = source.timezone or self.site.timezone
        place = self.receipt.place.astimezone(UTC)
        return Clocks(zone, self.site.timezone, place, source.dates, source.numbers, frozenset(source.missing_dates))

    @cached_property
    def codes(self) -> dict[str, tuple[str, ...]]:
        return contract.study_codes(self.protocol)

    @cached_property
    def wording(self) -> Wording:
        placed = self.receipt.place != self.receipt.received_at
        clocks = self.clocks
        return Wording(self.feed, self.codes, clocks.shapes, clocks.numbers, clocks.zone, self.site.site, placed)

    @cached_property
    def items(self) -> pl.DataFrame:
        return contract.item_table(self.protocol)

    def _take(self, batch: Batch, kept: Kept, mapping: FeedMapping) -> None:
        """Judge one batch; records never span two."""
        if batch.refused.height:
            self.n_ragged += batch.refused.height
            self._quarantine(batch.refused)
        for mapped in mapping.apply(kept):
            self._judge(mapped, mapping)

    def _judge(self, mapped: Mapped, mapping: FeedMapping) -> None:
        self.n_empty += mapped.n_empty
        if mapped.wrong_site.height:
            self._quarantine(mapped.wrong_site)
        if not mapped.rows.height:
            return
        typed = type_rows(mapped.rows, self.feed, self.clocks)
        rows, failures = typed.rows, typed.failures
        if self.feed.name == "questionnaires":
            rows, more = contract.judge_answers(rows, self.items)
            failures += more
        failures += contract.judge_rows(rows, self.feed, self.codes)
        rows = rows.with_columns(self.layout.key().alias("record_key"))
        if not failures:
            self._accept(rows, n_records=_n_records(rows, self.feed), n_quarantined=0)
            return
        self._split(rows, mapped.rows, record_layout.once_a_cell(failures), mapping)

    def _split(self, rows: pl.DataFrame, text: pl.DataFrame, failures: pl.DataFrame, mapping: FeedMapping) -> None:
        """Rows with and without a failure. A record counts as refused when anything in it is."""
        import polars as pl

        keyless = record_layout.rows_without_key(failures, self.feed)
        rows = rows.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
        rows = rows.with_columns(pl.when(~pl.col("row").is_in(keyless.implode())).then("record_key"))
        bad = rows["row"].is_in(failures["row"].unique().implode())
        broken = rows.filter(bad)
        self.refused.add(self.layout.refused_rows(broken, text))
        self.refused_hashes.append(broken["record_key"].drop_nulls().hash())
        lines = with_damage(failures, text).join(broken, on="row", how="left")
        self._quarantine(record_layout.with_file_columns(lines, mapping), counted=False)
        spoilt = broken["row_no"].unique()
        good = rows.filter(~bad)
        whole = good.filter(~pl.col("row_no").is_in(spoilt.implode()))
        self._accept(good, n_records=_n_records(whole, self.feed), n_quarantined=spoilt.len())

    def _accept(self, rows: pl.DataFrame, n_records: int, n_quarantined: int) -> None:
        self.hashes.append(rows["record_key"].hash())
        self.any_ambiguous |= "clock_note" in rows.columns and rows["clock_note"].null_count() < rows.height
        self.accepted.add(rows)
        counts = self.counts
        self.counts = replace(
            counts, accepted=counts.accepted + n_records, quarantined=counts.quarantined + n_quarantined
        )

    def _quarantine(self, lines: pl.DataFrame, *, counted: bool = True) -> None:
        """Write refused cells or rows (row_no, line_no, rule, column_name; maybe column, allowed, record_key)."""
        found = record_layout.quarantine_lines(lines, self.wording, self.receipt)
        self.quarantine.add(found)
        if counted:
            n = found["row_no"].n_unique()
            self.counts = replace(self.counts, quarantined=self.counts.quarantined + n)

    def _require_an_even_row(self, table: Table) -> None:
        """Where no row at all has as many cells as the header, it is the header that is wrong."""
        if self.n_ragged > 1 and self.n_ragged == table.n_records:
            self.dictionary = None  # for a row of data may stand in the header's line
            raise UnreadableError(
                "no row has as many cells as the header line: the end of that line may be lost, or the separator is "
                "another one; export the file again"
            )

    def _without_duplicates(self) -> Counts:
        places = suspects(self.hashes, self.refused_hashes)
        if places is None:
            return self.counts
        files = Delivered(
            self.accepted.path,
            self.quarantine.path,
            self.refused.path,
            self.layout.accepted,
            self.layout.distinct,
            self.layout.content,
            self.feed.name == "questionnaires",
            self.receipt.delivery_id,
            self.site.site,
            self.feed.name,
            self.wording.message("conflicting_duplicate", "", "", ""),
        )
        return set_duplicates_apart(files, places, self.counts)


def _n_records(rows: pl.DataFrame, feed: Feed) -> int:
    return rows["row_no"].n_unique() if feed.name == "questionnaires" else rows.height


def _require_keys(mapping: FeedMapping, table: Table) -> None:
    """Where columns only show row by row, those that make the key must have shown, and some item of the forms."""
    if table.header is not None or not table.n_records:
        return
    required = [c.name for c in mapping.feed.columns if c.required]
    seen = set(table.seen)
    named = [name for c in required if (name := mapping.source.columns.get(c))]
    lacking = [name for name in named if not {name, name.partition(".")[0]} & seen]
    items = [column for form in mapping.forms for column in form.items.values()]
    if items and not {top for column in items for top in (column, column.partition(".")[0])} & seen:
        lacking += items
    if lacking:
        raise UnreadableError(f"no row holds {listed(lacking)}; send the file with them")
