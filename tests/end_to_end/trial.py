"""A trial in a temporary folder, driven through the command line as people do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipelines.workspace import Workspace

COMMAND = str(Path(sys.executable).with_name("ict-trial"))


class Trial:
    """`ict-trial …` on one workspace; every call is a process of its own. Its nights make the PDF of their report only
    where a test looks at one: it takes longer than the rest of a small night."""

    def __init__(self, root: Path, study: str | Path = "ict_sad", report_pdf: bool = False) -> None:
        self.workspace = Workspace(root)
        self.run("init", "--study", str(study), expect=0)
        if not report_pdf:
            self.workspace.deployment_file.write_text("report_pdf: false\n")

    def run(self, *words: str, expect: int | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [COMMAND, words[0], "--workspace", str(self.workspace.root), *words[1:]],
            capture_output=True,
            text=True,
        )
        assert expect is None or done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done

    def nightly(self, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        return self.run("nightly", "--settle", "0", *words, expect=expect)

    def query(self, sql: str, *words: str) -> list[dict[str, Any]]:
        """Rows of the unblinded snapshot as dictionaries."""
        done = self.run("query", "--unblinded", "--format", "json", *words, sql, expect=0)
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def folder(self, site: str, feed: str) -> Path:
        return self.workspace.landing / site / feed

    @property
    def tables_digest(self) -> str:
        return str(self.query("SELECT tables_digest FROM meta.snapshot")[0]["tables_digest"])
