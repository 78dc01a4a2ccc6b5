"""Secrets come from the environment; the settings only name them."""

from __future__ import annotations

import os


class SecretError(Exception):
    """A secret is not there, or is not what it should be; one sentence says which, and never what it holds."""


def secret(name: str) -> str:
    """What the environment variable holds. Raises SecretError."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise SecretError(f"the environment variable {name}, which deployment.yaml names, is not set")
    return value
