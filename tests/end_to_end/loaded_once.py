"""What a night loads for seconds beside its work, once for its only night, is loaded once for all the nights that tests
run in this process."""

from __future__ import annotations

import pytest

from pipelines.loaded_ahead import LoadedAhead
from pipelines.quality.engine import ENGINE
from pipelines.validation.isolation import Session
from pipelines.validation.lane import Lane
from pipelines.validation.reader_process import COMMAND, ReaderProcess

_idle: list[ReaderProcess] = []
_load, _start, _end = LoadedAhead.load, Lane._start, Session.end


def judge_here(patched: pytest.MonkeyPatch) -> None:
    """Until the patch is undone, what judges the checks runs in this process."""
    patched.setattr(LoadedAhead, "load", lambda ahead: None if ahead is ENGINE else _load(ahead))


def keep_readers(patched: pytest.MonkeyPatch) -> None:
    """Until the patch is undone, a process that has read all that it was sent waits for the next night's files. As
    ever, a file over which such a process breaks down is blamed only where a fresh one breaks down over it too."""
    patched.setattr(Lane, "_start", _taken)
    patched.setattr(Session, "end", _kept)


def _taken(lane: Lane) -> ReaderProcess:
    while lane._command == COMMAND and _idle:
        process = _idle.pop()
        if process._process.poll() is None:  # it ends with the thread that started it
            lane.process, lane._told = process, None
            return process
        process.kill()
    return _start(lane)


def _kept(session: Session) -> None:
    for lane in session._lanes:
        if lane._command == COMMAND and lane.process is not None and not lane.waiting:
            _idle.append(lane.process)
            lane.process = None
    _end(session)
