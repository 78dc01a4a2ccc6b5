"""A trial in a temporary folder, driven through the command line as people do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipelines.cli import cli
from pipelines.warehouse.database import close_build
from pipelines.workspace import Workspace
from tests.end_to_end.loaded_once import judge_here, keep_readers

COMMAND = str(Path(sys.executable).with_name("ict-trial"))


class Trial:
    """`ict-trial …` on one workspace. `run` and `nightly` are processes of their own, as people's are; `run_here`,
    `night_here` and `query` are the same commands in this process, which has long since loaded what they need: for
    tests that are about what is published and not about the process. Nights make the PDF of their report only where a
    test looks at one: it takes longer than the rest of a small night."""

    def __init__(self, root: Path, study: str | Path = "ict_sad", report_pdf: bool = False) -> None:
        self.workspace = Workspace(root)
        self.run_here("init", "--study", str(study), expect=0)
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

    def run_here(self, *words: str, expect: int) -> subprocess.CompletedProcess[str]:
        before = os.umask(0o077)  # as `pipelines.cli.main` has it
        try:
            done = CliRunner().invoke(cli, [words[0], "--workspace", str(self.workspace.root), *words[1:]])
        finally:
            os.umask(before)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == expect, (words, done.exit_code, done.output)
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    def night_here(self, *words: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """As in a process of its own it leaves no build open; what such a process would have loaded beside its work,
        once for its only night, is loaded here once for all of them."""
        with pytest.MonkeyPatch.context() as patched:
            keep_readers(patched)
            judge_here(patched)
            try:
                return self.run_here("nightly", "--settle", "0", *words, expect=expect)
            finally:
                close_build(self.workspace)

    def query(self, sql: str, *words: str) -> list[dict[str, Any]]:
        """Rows of the unblinded snapshot as dictionaries."""
        done = self.run_here("query", "--unblinded", "--format", "json", *words, sql, expect=0)
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def folder(self, site: str, feed: str) -> Path:
        return self.workspace.landing / site / feed

    @property
    def tables_digest(self) -> str:
        return str(self.query("SELECT tables_digest FROM meta.snapshot")[0]["tables_digest"])
