"""How many records a full export would make vanish: those its stream holds and it does not mention."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.study.study import Holding
from pipelines.validation.rows import Rows

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Vanishing:
    """`records` of `held` would vanish; `primary` of them are answers of the primary outcome's instrument."""

    records: int
    held: int
    primary: int

    def exceeds(self, limit: Holding) -> bool:
        """Whether the delivery is held: any primary outcome would vanish, or too many records and too large a share."""
        return bool(self.primary) or (self.records >= limit.records and self.records > limit.share * self.held)


def primary_instrument(protocol: Protocol) -> str:
    wanted = protocol.study.outcomes.primary.paramcd
    return next(i.instrument for i in protocol.instruments.values() if wanted in {s.paramcd for s in i.scores})


def count_vanishing(earlier: Sequence[Rows], new: Rows, instrument: str) -> Vanishing:
    """`earlier` are the stream's contributing deliveries in sequence; kept beside the new rows once counted."""
    assert new.accepted is not None and new.quarantine is not None
    last_full = max((i for i, rows in enumerate(earlier) if rows.scope == "full"), default=0)
    holding = [rows.accepted for rows in earlier[last_full:] if rows.accepted is not None]
    key = sha256("\n".join([instrument, *(str(p.parent.relative_to(p.parents[2])) for p in holding)]).encode())
    kept = new.accepted.with_name(f"vanishing-{key.hexdigest()[:16]}.json")
    if kept.exists():
        return Vanishing(**json.loads(kept.read_bytes()))
    counted = _count(holding, new.accepted, new.quarantine, instrument)
    effects.write(kept, json.dumps(asdict(counted)).encode())
    return counted


def _count(holding: list[Path], accepted: Path, quarantine: Path, instrument: str) -> Vanishing:
    import polars as pl

    held = pl.concat([_keys(path) for path in holding]).unique("record_key")
    seen = pl.concat([_keys(accepted), _keys(quarantine)]).select("record_key")
    gone = held.join(seen, on="record_key", how="anti").collect()
    primary = gone.filter(pl.col("instrument") == instrument).height
    return Vanishing(gone.height, held.select(pl.len()).collect().item(), primary)


def _keys(path: Path) -> pl.LazyFrame:
    import polars as pl

    rows = pl.scan_parquet(path)
    instrument = pl.col("instrument") if "instrument" in rows.collect_schema() else pl.lit(None, pl.String)
    return rows.select("record_key", instrument.alias("instrument"))
