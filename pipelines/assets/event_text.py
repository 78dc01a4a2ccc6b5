"""The text of an event, letter for letter as Dagster's `serialize_value` writes it, in a third of its time.

Dagster asks of every value at every depth what kind of thing it is, and does so twice for metadata, of which a column's
lineage has tens of thousands. Here it is asked once a class. What is not of the usual kinds is left to Dagster.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import dagster as dg
from dagster._core.definitions.metadata import MetadataFieldSerializer
from dagster._serdes import pack_value
from dagster_shared.check.record import is_record
from dagster_shared.record import _REMAPPING_FIELD
from dagster_shared.serdes.serdes import _WHITELIST_MAP, NamedTupleSerializer

SCALARS = frozenset({str, int, float, bool, type(None)})
SEQUENCES = frozenset({list, tuple})
OF_PACKING = ("before_pack", "pack_items", "object_as_mapping", "get_storage_name")


def text_of(event: dg.EventLogEntry) -> str:
    return json.dumps(_packed(event), sort_keys=True)


def _packed(value: Any) -> Any:
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is dict:
        return {key: _packed(inner) for key, inner in value.items()}
    if kind in SEQUENCES:
        return [_packed(inner) for inner in value]
    return _packer(kind)(value)  # type: ignore[arg-type] # a class is hashable


@cache
def _packer(kind: type[Any]) -> Callable[[Any], Any]:
    """What packs values of this class."""
    serializer = _WHITELIST_MAP.object_serializers.get(kind.__name__)
    if isinstance(serializer, NamedTupleSerializer) and serializer.klass is kind and _packs_plainly(serializer):
        return _by_fields(serializer)
    return pack_value


def _packs_plainly(serializer: NamedTupleSerializer[Any]) -> bool:
    """Whether it leaves no field out, and does nothing of its own but with metadata. (Many do when they unpack.)"""
    kind = type(serializer)
    of_its_own = [name for name in OF_PACKING if getattr(kind, name) is not getattr(NamedTupleSerializer, name)]
    leaves_out = [serializer.skip_when_empty_fields, serializer.skip_when_none_fields]
    custom = serializer.field_serializers.values()
    return not any([of_its_own, *leaves_out]) and all(type(each) is MetadataFieldSerializer for each in custom)


def _by_fields(serializer: NamedTupleSerializer[Any]) -> Callable[[Any], dict[str, Any]]:
    """What packs a tuple with named fields, whose names are looked up once."""
    kind, is_metadata = serializer.klass, serializer.field_serializers
    of_record = is_record(kind)
    renamed = getattr(kind, _REMAPPING_FIELD) if of_record else {}
    fields = [renamed.get(field, field) for field in kind._fields]
    plan = [(serializer.storage_field_names.get(f, f), _entries if f in is_metadata else _packed) for f in fields]
    values = kind.__hidden_iter__ if of_record else iter
    always = {"__class__": serializer.get_storage_name(), **serializer.old_fields}

    def pack(value: Any) -> dict[str, Any]:
        packed = always.copy()
        for (name, pack_field), inner in zip(plan, values(value), strict=True):
            packed[name] = inner if type(inner) in SCALARS else pack_field(inner)
        return packed

    return pack


def _entries(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Metadata in the form in which Dagster stores it."""
    entry = {"__class__": "EventMetadataEntry", "description": None}
    return [entry | {"label": label, "entry_data": _packed(value)} for label, value in metadata.items()]
