"""How every command ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.trial import COMMAND

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full, a disk on which there is never room")
@pytest.mark.parametrize("words", [["--help"], ["init", "--workspace"]], ids=["help", "init"])
def test_an_answer_that_cannot_be_written_is_a_failure_in_one_sentence(words: list[str], tmp_path: Path) -> None:
    given = [*words, str(tmp_path / "trial")] if len(words) > 1 else words
    with FULL.open("w") as full:
        done = subprocess.run([COMMAND, *given], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (
        1,
        "Something could not be read or written: No space left on device\n",
    )


def test_whoever_reads_an_answer_may_stop(tmp_path: Path) -> None:
    reading = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    assert reading.stdin is not None
    reading.wait()
    writing = subprocess.run([COMMAND, "--help"], stdout=reading.stdin, stderr=subprocess.PIPE, text=True)
    reading.stdin.close()
    assert "Traceback" not in writing.stderr
