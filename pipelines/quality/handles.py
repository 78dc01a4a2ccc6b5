"""Handles: what the board may call a record by, and only its own site can look up.

A handle is made with the site's secret key, so that nobody without it can tell, or test a guess, which record it is; it
is the same on every night.
"""

from __future__ import annotations

import secrets
from base64 import b32encode
from collections.abc import Callable
from hashlib import sha256
from hmac import digest

from pipelines import effects
from pipelines.workspace import Workspace

LENGTH = 10
HandleOf = Callable[[str, str], str]  # table, primary key → handle


def site_handles(workspace: Workspace, site: str) -> HandleOf:
    """How records of a site are called; its key is made when first needed, in `store/keys/`, for the pipeline alone."""
    path = workspace.keys / f"site-{site}.key"
    if not path.exists():
        effects.make_directory(workspace.keys)
        effects.write(path, secrets.token_hex(32).encode())
    key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    return lambda table, primary_key: handle(key, table, primary_key)


def handle(key: bytes, table: str, primary_key: str) -> str:
    """The first ten letters, in base 32, of HMAC-SHA256 over the table and the primary key."""
    message = f"{table}\x1f{primary_key}".encode()
    return b32encode(digest(key, message, sha256)[:LENGTH]).decode("ascii")[:LENGTH]  # five bits a letter
