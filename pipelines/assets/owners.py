"""Whom Dagster's UI shows as responsible for a group of assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

DATA_MANAGEMENT = "team:data_management"
_OTHERS = {
    "engagement": "team:statistics",
    "outcome": "team:statistics",
    "analysis": "team:statistics",
    "safety": "team:clinical_safety",
}


Asset = dg.AssetsDefinition | dg.AssetSpec


def owned(assets: Sequence[Asset], named: Mapping[str, Sequence[str]]) -> list[Asset]:
    """The assets with their owners: those whom deployment.yaml names for the group, else a team."""

    def with_owners(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(owners=owners_of(spec.group_name or "", named))

    return [
        with_owners(asset) if isinstance(asset, dg.AssetSpec) else asset.map_asset_specs(with_owners)
        for asset in assets
    ]


def owners_of(group: str, named: Mapping[str, Sequence[str]]) -> list[str]:
    return list(named.get(group, ())) or [_OTHERS.get(group, DATA_MANAGEMENT)]
