"""The process that reads deliveries, one after the other: where a damaged or hostile file may do its worst.

It is sent pickles by the pipeline and answers in JSON, so that whatever a file makes of this process cannot make
the pipeline run anything. What libraries print goes nowhere: it may quote the file.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import pickle
import resource
import signal
import sys
import time
from dataclasses import asdict
from typing import IO, Any

from pipelines.own_words import in_own_words
from pipelines.study.load import Protocol
from pipelines.validation.intake import ConservationError, prepare, read_delivery
from pipelines.validation.reading_job import Answer, Job, State
from pipelines.validation.reading_limits import Allowance
from pipelines.workspace import Workspace

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
SELDOM = (50_000, 5, 5)  # cells are no objects that could hold one another
ADDRESSES = 4 << 30  # what libraries reserve and do not use; the resident memory is watched from outside


def serve() -> None:
    """Read each delivery that is asked for on standard input, until its end."""
    replies = _speak_alone()
    _give_up_rights()
    gc.disable()  # nearly all that is loaded stays
    prepare()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()
    protocol: Protocol | None = None
    while (message := _next(sys.stdin.buffer)) is not None:
        if isinstance(message, Protocol):
            protocol = message
            continue
        assert isinstance(message, Job) and protocol is not None
        _say(replies, Answer(message.receipt.delivery_id, "begun"))
        _say(replies, _answer(message, protocol))


def _answer(job: Job, protocol: Protocol) -> Answer:
    _limit(job.allowed)
    state: State = "done"
    words = ""
    try:
        read_delivery(Workspace(job.root), protocol, job.receipt)
    except BaseException as error:  # noqa: BLE001 - a panic of a library written in Rust is no Exception
        state, words = _state(error), in_own_words(error)
    return Answer(job.receipt.delivery_id, state, words)


def _state(error: BaseException) -> State:
    if isinstance(error, ConservationError):
        return "conservation"
    if isinstance(error, MemoryError):
        return "memory"
    # A full or failing disk is no file's fault; libraries raise their own OSErrors, without a number.
    return "storage" if isinstance(error, OSError) and error.errno is not None else "fault"


def _speak_alone() -> IO[str]:
    """The way back to the pipeline; what libraries print has another one, to nowhere."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.dup2(nowhere, sys.stderr.fileno())
    return replies


def _give_up_rights() -> None:
    """Die with the pipeline, before anything else when memory runs out, and without a picture of the memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pipeline decides what a Ctrl-C means
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    with open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 - a setting of the kernel, no file
        score.write("1000")


def _limit(allowed: Allowance) -> None:
    """The kernel's part of the limits; the pipeline watches memory and the clock, more closely, from outside."""
    used = time.process_time()
    _lower(resource.RLIMIT_CPU, int(used) + allowed.processor_seconds + 1)
    _lower(resource.RLIMIT_FSIZE, allowed.output_bytes)
    _lower(resource.RLIMIT_DATA, 2 * allowed.memory_bytes + ADDRESSES)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _next(asked: IO[bytes]) -> Any:
    try:
        return pickle.load(asked)  # noqa: S301 - from the pipeline, which started this process
    except EOFError:
        return None


def _say(replies: IO[str], answer: Answer) -> None:
    replies.write(json.dumps(asdict(answer)) + "\n")
    replies.flush()


if __name__ == "__main__":
    serve()
