"""What reading one delivery may take of the machine, and what people are told when it takes more or breaks down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipelines.study.study import ReadingLimits

MB = 1_000_000
CLOCK = 3  # times as long by the clock as on one processor: a file that is waited for and never comes is a hang

# Why a reading was stopped. `killed`: by the machine or by somebody, not by us.
Stop = Literal["crash", "memory", "time", "hang", "output", "killed", "fault"]
OF_THE_MACHINE: tuple[Stop, ...] = ("killed",)


@dataclass(frozen=True)
class Allowance:
    """`processor_seconds` of all cores together, `seconds` by the clock; `output_bytes` of each file written."""

    memory_bytes: int
    processor_seconds: int
    seconds: int
    output_bytes: int


def allowance(limits: ReadingLimits, file_bytes: int) -> Allowance:
    """The study file's limits for a file of that size."""
    size = file_bytes / MB
    seconds = round(limits.seconds + limits.seconds_a_mb * size)
    output = round((limits.output_mb + limits.output_mb_a_mb * size) * MB)
    return Allowance(limits.memory_mb * MB, seconds, CLOCK * seconds, output)


def sentence(stop: Stop, allowed: Allowance, detail: str = "") -> str:
    """Why the delivery is refused; `detail` names the signal, or the fault in our own words."""
    return _SENTENCES[stop].format(
        memory=allowed.memory_bytes // MB,
        processor_seconds=allowed.processor_seconds,
        seconds=allowed.seconds,
        output=allowed.output_bytes // MB,
        detail=detail,
    )


_OR_RAISED = "send it in parts, or have the study file's deliveries.limits.{0} raised"
_SENTENCES: dict[Stop, str] = {
    "crash": "the program that reads this format broke down over the file ({detail}), in a process of its own; it is "
    "damaged in a way that nobody foresaw: export it again, best in another format",
    "memory": "reading the file took more than {memory:,} MB of memory; " + _OR_RAISED.format("memory_mb"),
    "time": "reading the file took more than {processor_seconds:,} s of processor time; "
    + _OR_RAISED.format("seconds"),
    "hang": "reading the file did not end within {seconds:,} s; " + _OR_RAISED.format("seconds"),
    "output": "what was read from the file came to more than {output:,} MB on disk; " + _OR_RAISED.format("output_mb"),
    "killed": "the machine ended the reading of the file from outside, as it does when its memory runs out; it is "
    "tried again every night",
    "fault": "a fault of this program stopped the reading of the file ({detail}); it is kept as it came: tell those "
    "who look after the pipeline",
}
