"""The templates of the pages that people read: every value escaped, a missing one an error.

What Jinja compiles of them is kept where Python keeps compiled modules: to compile them takes a fifth of a page.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects

if TYPE_CHECKING:
    from jinja2 import Environment, Template

TEMPLATES = Path(__file__).parent / "templates"
COMPILED = Path(cache_from_source(__file__)).with_name("templates")


def template(name: str) -> Template:
    """The template `templates/<name>.html.j2`."""
    return _pages().get_template(f"{name}.html.j2")


@cache
def _pages() -> Environment:
    from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined

    class Compiled(BytecodeCache):
        """Jinja takes only what is of the same source, Jinja and Python."""

        def load_bytecode(self, bucket: Any) -> None:
            with suppress(OSError):
                digest, _, code = _compiled(bucket.key).read_bytes().partition(b"\n")
                if digest == sha256(code).hexdigest().encode():
                    bucket.bytecode_from_string(code)

        def dump_bytecode(self, bucket: Any) -> None:
            code = bucket.bytecode_to_string()
            with suppress(OSError):  # what is not kept is compiled again
                effects.make_directory(COMPILED)
                effects.write(_compiled(bucket.key), sha256(code).hexdigest().encode() + b"\n" + code)

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=Compiled(),
    )


def _compiled(key: str) -> Path:
    """By the template's name, and by this file, whose options are compiled in."""
    return COMPILED / sha256(key.encode() + Path(__file__).read_bytes()).hexdigest()
