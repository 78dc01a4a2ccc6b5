"""A PostgreSQL of this machine, on a socket in a folder of its own, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

QUICK = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "listen_addresses=",
    "shared_buffers=16MB",
)


def programs() -> Path | None:
    """Where `initdb` and `postgres` are, the newest first; None where there are none, or nobody who may run them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    places = [str(path.parent) for path in reversed(found)]
    initdb = shutil.which("initdb", path=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    if initdb is None or (os.geteuid() == 0 and _other_user() is None):
        return None
    return Path(initdb).resolve().parent


@contextmanager
def postgres(bin_folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    someone = _other_user() if os.geteuid() == 0 else None
    if someone is not None:
        os.chown(folder, someone.pw_uid, someone.pw_gid)
    as_them: Mapping[str, Any] = {"user": someone.pw_uid, "group": someone.pw_gid} if someone else {}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **as_them}
    data = folder / "data"
    made = ["-D", str(data), "-A", "trust", "-U", "dagster", "--no-sync", "-E", "UTF8", "--locale", "C"]
    subprocess.run([bin_folder / "initdb", *made], check=True, **quiet)
    options = " ".join(f"-c {option}" for option in (*QUICK, f"unix_socket_directories={folder}"))
    control = [bin_folder / "pg_ctl", "-D", str(data), "-w"]
    subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], check=True, **quiet)
    try:
        yield f"postgresql+psycopg2://dagster@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, **quiet)
        shutil.rmtree(folder)


def _other_user() -> pwd.struct_passwd | None:
    """PostgreSQL does not run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None
