"""What was delivered, as tables: `input.delivery`, one view a feed over its accepted rows, `input.quarantine`; and
what people answered to data queries, `input.answer`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pipelines import effects
from pipelines.warehouse.database import create_table, insert_rows
from pipelines.warehouse.gathered import gather
from pipelines.warehouse.quoting import identifier, parquet
from schemas.feeds import FEEDS, Feed


class Receipt(Protocol):
    """What is needed here of `pipelines.landing.receipt.Receipt`."""

    @property
    def delivery_id(self) -> str: ...
    @property
    def content_sha256(self) -> str: ...
    @property
    def site_id(self) -> str: ...
    @property
    def feed(self) -> str: ...
    @property
    def file_name(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def place(self) -> datetime: ...


class DeliveredRows(Protocol):
    """What is needed here of the rows that were read from a delivery."""

    @property
    def stream(self) -> str: ...
    @property
    def scope(self) -> str | None: ...
    @property
    def blinding(self) -> str: ...
    @property
    def n_rows(self) -> int: ...
    @property
    def n_accepted(self) -> int: ...
    @property
    def n_quarantined(self) -> int: ...
    @property
    def n_duplicate(self) -> int: ...
    @property
    def unknown_columns(self) -> Sequence[str]: ...
    @property
    def accepted(self) -> Path | None: ...
    @property
    def quarantine(self) -> Path | None: ...
    @property
    def n_ambiguous_time(self) -> int: ...
    @property
    def variables(self) -> Path | None: ...


class Vanishing(Protocol):
    """How many records a full export would make vanish, and how many of them are of the primary outcome."""

    @property
    def records(self) -> int: ...
    @property
    def primary(self) -> int: ...


class Decision(Protocol):
    """What the data manager decided on a delivery."""

    @property
    def said(self) -> str: ...


class Delivery(Protocol):
    """A receipt, the rows read from its bytes, its place among all deliveries, and what became of it."""

    @property
    def receipt(self) -> Receipt: ...
    @property
    def rows(self) -> DeliveredRows: ...
    @property
    def sequence(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def vanishing(self) -> Vanishing | None: ...
    @property
    def decision(self) -> Decision | None: ...


class Answer(Protocol):
    """What is needed here of an answer to a data query; its note is free text and stays in the store."""

    @property
    def answer_id(self) -> str: ...
    @property
    def query_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def given_by(self) -> str: ...
    @property
    def given_at(self) -> datetime: ...
    @property
    def episode(self) -> int: ...
    @property
    def version(self) -> str: ...
    @property
    def last_delivery_id(self) -> str: ...


FEW, SMALL = 16, 1 << 20  # files that are read where they lie, and bytes of one that is worth it


class Acknowledgement(Protocol):
    """What is needed here of the acknowledgement of an alert; its note is free text and stays in the store."""

    @property
    def acknowledgement_id(self) -> str: ...
    @property
    def alert_id(self) -> str: ...
    @property
    def given_by(self) -> str: ...
    @property
    def given_at(self) -> datetime: ...


DELIVERY = {
    "delivery_id": "VARCHAR",
    "content_sha256": "VARCHAR",
    "site_id": "VARCHAR",
    "feed": "VARCHAR",
    "stream": "VARCHAR",
    "scope": "VARCHAR",
    "blinding": "VARCHAR",
    "sequence": "BIGINT",
    "file_name": "VARCHAR",
    "bytes": "BIGINT",
    "received_at": "TIMESTAMPTZ",
    "place": "TIMESTAMPTZ",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "n_rows": "BIGINT",
    "n_accepted": "BIGINT",
    "n_quarantined": "BIGINT",
    "n_duplicate": "BIGINT",
    "unknown_columns": "VARCHAR",
    "n_ambiguous_time": "BIGINT",
    "n_vanishing": "BIGINT",
    "n_vanishing_primary": "BIGINT",
    "decision": "VARCHAR",
}
QUARANTINE = {
    "delivery_id": "VARCHAR",
    "site_id": "VARCHAR",
    "feed": "VARCHAR",
    "row_no": "BIGINT",
    "line_no": "BIGINT",
    "rule": "VARCHAR",
    "column_name": "VARCHAR",
    "message": "VARCHAR",
    "record_key": "VARCHAR",
}
ANSWER = {
    "answer_id": "VARCHAR",
    "query_id": "VARCHAR",
    "status": "VARCHAR",
    "given_by": "VARCHAR",
    "given_at": "TIMESTAMPTZ",
    "episode": "BIGINT",
    "version": "VARCHAR",
    "last_delivery_id": "VARCHAR",
}
ACKNOWLEDGEMENT = {
    "acknowledgement_id": "VARCHAR",
    "alert_id": "VARCHAR",
    "given_by": "VARCHAR",
    "given_at": "TIMESTAMPTZ",
}
DELIVERY_VARIABLE = {
    "delivery_id": "VARCHAR",
    "position": "BIGINT",
    "expected_since": "DATE",
    "column_name": "VARCHAR",
    "variable": "VARCHAR",
    "declared": "VARCHAR",
    "kind": "VARCHAR",
    "n_cells": "BIGINT",
    "n_filled": "BIGINT",
    "codes": "VARCHAR[]",
    "n_of_code": "BIGINT[]",
    "n_unknown": "BIGINT",
    "defined_minimum": "BIGINT",
    "defined_maximum": "BIGINT",
    "minimum": "BIGINT",
    "maximum": "BIGINT",
    "typical": "DOUBLE",
}
_ACCEPTED = {
    "delivery_id": "VARCHAR",
    "site_id": "VARCHAR",
    "row_no": "BIGINT",
    "line_no": "BIGINT",
    "record_key": "VARCHAR",
}
_TYPES = {
    "identifier": "VARCHAR",
    "text": "VARCHAR",
    "code": "VARCHAR",
    "date": "DATE",
    "instant": "TIMESTAMPTZ",
    "integer": "BIGINT",
    "decimal": "DOUBLE",
}


def input_columns() -> dict[str, dict[str, str]]:
    """The columns of every `input.*` table with their types."""
    feeds = {f"input.{feed.name}": accepted_columns(feed) for feed in FEEDS.values()}
    own = {
        "input.delivery": DELIVERY,
        "input.quarantine": QUARANTINE,
        "input.delivery_variable": DELIVERY_VARIABLE,
        "input.answer": ANSWER,
        "input.acknowledgement": ACKNOWLEDGEMENT,
        "input.refused_answer": accepted_columns(FEEDS["questionnaires"]),
    }
    return own | feeds


def accepted_columns(feed: Feed) -> dict[str, str]:
    """The columns of a feed's accepted rows; a time brings its calendar date at the site and a note on its clock."""
    columns = dict(_ACCEPTED)
    for column in feed.columns:
        if column.kind in ("time", "time_or_date"):
            day = column.name.removesuffix("_at") + "_on"
            columns |= {column.name: "TIMESTAMPTZ", day: "DATE", "clock_note": "VARCHAR"}
        else:
            columns[column.name] = _TYPES[column.kind]
    if feed.name == "questionnaires":
        columns |= {"source_column": "VARCHAR", "missing_reason": "VARCHAR"}
    return columns


def create_inputs(
    con: Any,
    deliveries: Iterable[Delivery],
    answers: Iterable[Answer] = (),
    acknowledgements: Iterable[Acknowledgement] = (),
    *,
    file: Path,
) -> None:
    """Every `input.*` table, in the database `file` that `con` is connected to."""
    known = sorted(deliveries, key=lambda delivery: delivery.sequence)
    create_table(con, "input.delivery", DELIVERY, file=file)
    insert_rows(con, "input.delivery", (_delivery_row(delivery) for delivery in known), file=file)
    create_table(con, "input.answer", ANSWER, file=file)
    insert_rows(con, "input.answer", ([getattr(a, name) for name in ANSWER] for a in answers), file=file)
    create_table(con, "input.acknowledgement", ACKNOWLEDGEMENT, file=file)
    noted = ([getattr(a, name) for name in ACKNOWLEDGEMENT] for a in acknowledgements)
    insert_rows(con, "input.acknowledgement", noted, file=file)
    counted = [delivery for delivery in known if _counts(delivery)]
    for feed in FEEDS.values():
        files = [d.rows.accepted for d in counted if d.receipt.feed == feed.name and d.rows.accepted]
        _create_view(con, f"input.{feed.name}", accepted_columns(feed), files, file=file)
    _create_view(
        con, "input.refused_answer", accepted_columns(FEEDS["questionnaires"]), _refused_answers(known), file=file
    )
    refused = [d.rows.quarantine for d in counted if d.rows.quarantine and d.rows.n_quarantined]
    _create_view(con, "input.quarantine", QUARANTINE, refused, file=file)
    described = [delivery.rows.variables for delivery in known if delivery.rows.variables]
    query = gather(con, "input.delivery_variable", DELIVERY_VARIABLE, described, file=file)
    effects.execute(con, f"CREATE OR REPLACE VIEW input.delivery_variable AS {query}", file=file)


def _refused_answers(deliveries: Iterable[Delivery]) -> list[Path]:
    """What deliveries of questionnaires held that the data manager refused: what it takes away can be told."""
    return [
        delivery.rows.accepted
        for delivery in deliveries
        if delivery.receipt.feed == "questionnaires"
        and delivery.status == "rejected"
        and delivery.decision is not None
        and delivery.rows.accepted is not None
    ]


def _counts(delivery: Delivery) -> bool:
    return delivery.status in ("accepted", "partial")


def _delivery_row(delivery: Delivery) -> tuple[Any, ...]:
    receipt, rows = delivery.receipt, delivery.rows
    counts: tuple[Any, ...] = (None,) * 6
    if _counts(delivery):
        unknown = ", ".join(rows.unknown_columns) or None
        numbers = (rows.n_rows, rows.n_accepted, rows.n_quarantined, rows.n_duplicate)
        counts = (*numbers, unknown, rows.n_ambiguous_time)
    return (
        receipt.delivery_id,
        receipt.content_sha256,
        receipt.site_id,
        receipt.feed,
        rows.stream,
        rows.scope,
        rows.blinding,
        delivery.sequence,
        receipt.file_name,
        receipt.bytes,
        receipt.received_at,
        receipt.place,
        delivery.status,
        delivery.reason,
        *counts,
        delivery.vanishing.records if delivery.vanishing else None,
        delivery.vanishing.primary if delivery.vanishing else None,
        delivery.decision.said if delivery.decision else None,
    )


def _create_view(con: Any, name: str, columns: dict[str, str], files: Sequence[Path], *, file: Path) -> None:
    """A view over Parquet files; of many files the small ones are gathered in a table, which every table that reads
    the view then reads."""
    large = [path for path in files if path.stat().st_size > SMALL] if len(files) > FEW else list(files)
    lie_apart = set(large)
    small = [path for path in files if path not in lie_apart]
    gathered = gather(con, name, columns, small, file=file)
    parts = [gathered] if small else []
    parts += [_all_of(columns, large)] if large or not small else []
    effects.execute(con, f"CREATE OR REPLACE VIEW {identifier(name)} AS {' UNION ALL '.join(parts)}", file=file)


def _all_of(columns: dict[str, str], files: Sequence[Path]) -> str:
    """The rows of Parquet files, typed the same whether there are none or a thousand."""
    if not files:
        nothing = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(c)}" for c, kind in columns.items())
        return f"SELECT {nothing} WHERE false"
    listed = ", ".join(f"CAST({identifier(c)} AS {kind}) AS {identifier(c)}" for c, kind in columns.items())
    return f"SELECT {listed} FROM {parquet(files)}"  # noqa: S608
