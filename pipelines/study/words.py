"""pydantic's complaints in plain words: what stands in the file, and what is allowed there."""

from __future__ import annotations

from typing import Any

PATTERNS = {
    r"^[a-z][a-z0-9_]*$": "small letters, digits and _, beginning with a letter",
    r"^[A-Za-z][A-Za-z0-9_]*$": "letters, digits and _ (none with an accent), beginning with a letter",
    r"^\S+$": "a code without spaces",
    r"^[^/\\]+\.csv$": "the name of a .csv file, without folders",
    r"^[A-Z]{3}$": "three capital letters (ISO 3166-1), for example JPN",
    r"^[A-Z][A-Z0-9]{0,7}$": "at most 8 capital letters and digits, beginning with a letter",
    r"^[a-z]+\.[a-z][a-z0-9_]*$": "<layer>.<table> in small letters, for example core.person",
}

# By the beginning of pydantic's name for the kind of mistake; `{…}` is filled in from its context.
ALLOWED = {
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a number",
    "bool": "true or false",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string": "text",
    "date": "a date, for example 2026-01-31",
    "list": "a list",
    "tuple": "a list",
    "dict": "`key: value` pairs",
    "model": "`key: value` pairs",
    "too_short": "{min_length} or more entries",
    "too_long": "at most {max_length} entries",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
}


def in_words(error: dict[str, Any], place: tuple[str | int, ...]) -> str:
    """One of pydantic's complaints in a sentence; `place` is where in the file, as its author knows it."""
    name = ".".join(str(step) for step in place)
    kind, found, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "missing":
        if isinstance(place[-1], int):
            return f"`{name}`: expected an entry, found nothing"
        return f"`{name}` is required and missing"
    if kind == "extra_forbidden":
        return f"`{name}` is not a key that is known here; remove it or correct its spelling"
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", error["msg"]))
    shown = f", found {_shown(found)}" if isinstance(found, str | int | float | bool | None) else ""
    return f"`{name}`: expected {_allowed(kind, context, str(error['msg']))}{shown}"


def _allowed(kind: str, context: dict[str, Any], said: str) -> str:
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return PATTERNS.get(pattern, f"text like {pattern}")
    words = next((words for start, words in ALLOWED.items() if kind.startswith(start)), None)
    return words.format(**context) if words else said.removeprefix("Input should be ")


def _shown(found: str | float | bool | None) -> str:
    """As it is written in YAML."""
    if found is None:
        return "nothing"
    if isinstance(found, bool):
        return str(found).lower()
    return repr(str(found)) if isinstance(found, str) else str(found)
