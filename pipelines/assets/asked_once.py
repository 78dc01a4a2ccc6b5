"""What Dagster works out anew for each of a step's outputs, worked out once.

One step makes all tables, and has three hundred outputs with the checks. For each of them Dagster goes through all of
them to know which assets the step has, and makes two classes to hold the resources of what asks for none. The answers
do not change within a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import dagster as dg
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder
from dagster._core.execution.context.system import StepExecutionContext


@contextmanager
def asked_once() -> Iterator[None]:
    """Within the block a step is asked once for its assets, and nothing is made to hold no resources."""
    assets_of, build = StepExecutionContext.get_output_asset_keys, ScopedResourcesBuilder.build
    known: WeakKeyDictionary[StepExecutionContext, Set[dg.AssetKey]] = WeakKeyDictionary()
    nothing: dict[bool, Any] = {}

    def assets_of_step(step: StepExecutionContext) -> Set[dg.AssetKey]:
        if step not in known:
            known[step] = assets_of(step)
        return known[step]

    def resources(builder: ScopedResourcesBuilder, required: Set[str] | None) -> Any:
        if required:
            return build(builder, required)
        if builder.contains_generator not in nothing:
            nothing[builder.contains_generator] = build(builder, required)
        return nothing[builder.contains_generator]

    StepExecutionContext.get_output_asset_keys = assets_of_step  # type: ignore[method-assign,assignment]
    ScopedResourcesBuilder.build = resources  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        StepExecutionContext.get_output_asset_keys = assets_of  # type: ignore[method-assign]
        ScopedResourcesBuilder.build = build  # type: ignore[method-assign]
