"""What Dagster works out for each output of a step, worked out once a step."""

from collections import Counter
from collections.abc import Iterator, Set
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder
from dagster._core.execution.context.system import StepExecutionContext

from pipelines.assets.asked_once import asked_once

NAMES = ("first", "second", "third")


class Night(dg.ConfigurableResource["Night"]):
    day: str


@dg.multi_asset(specs=[dg.AssetSpec(name) for name in NAMES])
def tables(night: Night) -> Iterator[dg.MaterializeResult[None]]:
    for name in NAMES:
        yield dg.MaterializeResult(asset_key=name, metadata={"day": night.day})


@dg.asset(deps=NAMES)
def report(context: dg.AssetExecutionContext, night: Night) -> str:
    return f"{night.day}: {context.asset_key.to_user_string()}"


def test_a_step_is_asked_once_for_its_assets(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, made = Counter[str](), list[Set[str] | None]()
    assets_of, build = StepExecutionContext.get_output_asset_keys, ScopedResourcesBuilder.build

    def counted(step: StepExecutionContext) -> Set[dg.AssetKey]:
        asked[step.step.key] += 1
        return assets_of(step)

    def noted(builder: ScopedResourcesBuilder, required: Set[str] | None) -> Any:
        made.append(required)
        return build(builder, required)

    monkeypatch.setattr(StepExecutionContext, "get_output_asset_keys", counted)
    monkeypatch.setattr(ScopedResourcesBuilder, "build", noted)
    with asked_once():
        run = dg.materialize([tables, report], resources={"night": Night(day="today")})
    assert asked == {"tables": 1, "report": 1}
    assert made.count(frozenset()) == 1, "for nothing, whatever asks"
    assert sum("night" in (required or ()) for required in made) == 2, "for each step that asks for the night"
    assert [
        event.asset_key.to_user_string() for event in run.get_asset_materialization_events() if event.asset_key
    ] == [
        *NAMES,
        "report",
    ]
    assert run.output_for_node("report") == "today: report"
    assert StepExecutionContext.get_output_asset_keys is counted and ScopedResourcesBuilder.build is noted
