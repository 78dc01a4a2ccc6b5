"""The nightly lists for clinicians: written before anything is published, so that nothing holds an alert back."""

import dagster as dg

from pipelines.assets.boundary import without_values
from pipelines.assets.night_resource import NightResource
from pipelines.assets.table_key import key_of
from pipelines.report.clinician_list import write_clinician_lists

CLINICIAN_LISTS = dg.AssetKey(["safety", "clinician_lists"])
TABLES = ("safety.alert", "safety.serious_event")


def safety_assets() -> list[dg.AssetsDefinition]:
    return [_clinician_lists()]


def _clinician_lists() -> dg.AssetsDefinition:
    @dg.asset(
        key=CLINICIAN_LISTS,
        deps=[key_of(name) for name in TABLES],
        group_name="safety",
        kinds={"html"},
        description="Each site's alerts for its clinician, `safety/latest/<site>/alerts.html` and `.csv`.",
    )
    def clinician_lists(night: NightResource) -> dg.MaterializeResult[None]:
        with without_values():
            n_waiting = write_clinician_lists(night.workspace, night.protocol())
        return dg.MaterializeResult(metadata={"alerts to acknowledge": n_waiting})

    return clinician_lists
