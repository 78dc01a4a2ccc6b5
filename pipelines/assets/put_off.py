"""Libraries that others load and a night does not use, put off until somebody does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class Later:
    """What `load` loads; it does when this is called, or something of it is asked for."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._load()(*given, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)

    def __or__(self, _other: Any) -> Any:
        """Where a signature says `this | None`: a type that nobody has asked for yet is any."""
        return Any


class _PutOff(ModuleType):
    """In place of a module: it has whatever is asked for, later."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Later(lambda: getattr(import_module(self.__name__), name))


@contextmanager
def put_off(*modules: str) -> Iterator[None]:
    """Within the block what imports names from these `modules` (packages before what lies in them) gets them without
    loading any; other modules within such a package are loaded, and the package not."""
    stand_ins = {}
    for name in modules:
        if name not in sys.modules:
            spec = find_spec(name)
            sys.modules[name] = stand_ins[name] = _PutOff(name)
            stand_ins[name].__path__ = spec.submodule_search_locations or [] if spec is not None else []
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
