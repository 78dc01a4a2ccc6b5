"""The flow of participants, all sites and arms together (CONSORT 2025, item 22a)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.report.board.parts import Figure, Needle, Table
from pipelines.report.board.scale import WIDTH
from pipelines.report.board.source import Row, Source
from pipelines.report.board.words import capital, count, shortened

FLOW = "quality.flow"
LABELS = {
    "screened": "Screened",
    "excluded": "Excluded",
    "pending": "Not yet randomised",
    "randomised": "Randomised",
    "in_follow_up": "In follow-up",
    "completed": "Completed",
    "withdrawn": "Withdrew",
    "lost": "Lost to follow-up",
    "died": "Died",
}
BEFORE, AFTER = ("excluded", "pending"), ("in_follow_up", "completed", "withdrawn", "lost", "died")
LINE, PADDING = 12.0, 6.0


@dataclass(frozen=True)
class Box:
    """A box of the drawing; its first line is its name and number, the others its parts."""

    x: float
    y: float
    width: float
    lines: Sequence[str]

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + 2 * PADDING

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True)
class Drawing:
    boxes: Sequence[Box]
    arrows: Sequence[tuple[float, float, float, float]]
    height: float
    width: float = WIDTH


def flow(source: Source) -> list[Figure]:
    """The diagram, its numbers by box; nothing where the snapshot has none."""
    rows = source.rows("SELECT * FROM quality.flow ORDER BY position") if source.has(FLOW) else []
    if not rows:
        return []
    n = {row["box"]: row["n"] for row in rows}
    title = (
        f"Of {count(n['screened'], 'person', 'people')} screened {n['randomised']} are randomised, and of them "
        f"{n['withdrawn'] + n['lost'] + n['died']} have left"
    )
    return [
        Figure(
            "F3.3",
            title,
            Needle(n["screened"], n["screened"], "people screened"),
            [FLOW],
            Table(["Box", "Part of", "People"], [_line(row) for row in rows], numeric=frozenset({2})),
            alternative=f"A flow diagram from screening to follow-up. {title}",
            drawing="flow",
            data=_drawn(rows),
            notes=[
                ("All arms together: nothing after randomisation is split. Every person is in one box of each level.")
            ],
        )
    ]


def _line(row: Row) -> list[str | int]:
    return [_label(row["box"]), LABELS.get(row["parent"], row["parent"] or "–"), row["n"]]


def _label(box: str) -> str:
    return LABELS.get(box) or capital(box.partition(": ")[2].lower())


def _drawn(rows: list[Row]) -> Drawing:
    def box(name: str, x: float, y: float, width: float) -> Box:
        (row,) = (row for row in rows if row["box"] == name)
        parts = [f"{shortened(_label(r['box']), int(width / 4.6) - 4)}: {r['n']}" for r in rows if r["parent"] == name]
        own = f"{LABELS[name]}: {row['n']}"
        return Box(x, y, width, [own, *(parts if name not in ("screened", "randomised") else [])])

    screened = box("screened", 60, 2, 170)
    side, y = [], 30.0
    for name in BEFORE:
        side.append(box(name, 300, y, 250))
        y = side[-1].bottom + 8
    randomised = box("randomised", 60, max(y, 70), 170)
    across = WIDTH / len(AFTER)
    ends = [box(name, across * i + 2, randomised.bottom + 34, across - 4) for i, name in enumerate(AFTER)]
    fork = randomised.bottom + 17
    arrows = [
        (screened.middle, screened.bottom, screened.middle, randomised.y),
        *((screened.middle, b.y + b.height / 2, b.x, b.y + b.height / 2) for b in side),
        (randomised.middle, randomised.bottom, randomised.middle, fork),
        (ends[0].middle, fork, ends[-1].middle, fork),
        *((b.middle, fork, b.middle, b.y) for b in ends),
    ]
    return Drawing([screened, *side, randomised, *ends], arrows, max(b.bottom for b in ends) + 4)
