"""What each site sends, and when: the trial's rows cut into deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from fnmatch import fnmatch

import polars as pl

from pipelines.simulate.calendar import Calendar
from pipelines.simulate.export import (
    Cells,
    as_text,
    carries,
    house_cells,
    redcap_cells,
    source_cells,
    wide_cells,
)
from pipelines.simulate.files import HOUSE, encode, packed
from pipelines.simulate.people import status_on
from pipelines.simulate.trial import Trial
from pipelines.study.load import Protocol
from pipelines.study.source import FeedName, Read, Source
from pipelines.study.study import Site
from schemas.feeds import FEEDS

# Exports so many days before today, and a last one up to the trial's data cut.
FULL_EXPORTS = (120,)
INCREMENTS = {"usage": (240, 150, 90, 30), "contacts": (150, 60), "questionnaires": (150, 60)}
LOGS: tuple[FeedName, ...] = ("allocation", "usage", "contacts", "adverse_events")
WALL_CLOCK = "%Y-%m-%dT%H:%M:%S"


@dataclass
class Expected:
    """What the pipeline must make of a delivery. `quarantine`: (row number, rule), one a refused record and rule."""

    status: str = ""  # empty: accepted, or partial where something is quarantined
    quarantine: set[tuple[int, str]] = field(default_factory=set)
    duplicates: int = 0
    unknown_columns: set[str] = field(default_factory=set)


@dataclass
class Drop:
    """One file in `landing/<site>/<feed>/`, with a manifest when `period_end` is given.

    `up_to`: last day of what it holds. `extra_lines` follow the last record as they are; `content` replaces
    the bytes that the cells would give, and `promised` is what a manifest says about other bytes than these.
    """

    site: str
    feed: str
    file_name: str
    cells: Cells
    read: Read
    up_to: date
    source: Source | None = None
    zipped: bool = False
    period_end: date | None = None
    extra_lines: list[str] = field(default_factory=list)
    content: bytes | None = None
    promised: bytes | None = None
    expected: Expected = field(default_factory=Expected)

    @property
    def full(self) -> bool:
        """Whether what it does not name counts as withdrawn."""
        return self.source is not None and (self.source.scope or _usual_scope(self.feed)) == "full"

    @property
    def rows(self) -> int:
        return self.cells.height + len(self.extra_lines)

    def encoded(self) -> bytes:
        if self.content is not None:
            return self.content
        if not self.extra_lines:
            return encode(self.cells, self.read, zipped=self.zipped)
        encoding = self.read.encoding if self.read.format == "delimited" else "utf-8"
        plain = encode(self.cells, self.read)
        ending = "\r\n" if b"\r\n" in plain[:100_000] else "\n"
        content = plain + "".join(line + ending for line in self.extra_lines).encode(encoding)
        return packed(content) if self.zipped else content


def plan(protocol: Protocol, trial: Trial, calendar: Calendar) -> tuple[list[Drop], set[int]]:
    """Every delivery of a trial in which nothing goes wrong, and the forms of which a date alone is sent."""
    drops: list[Drop] = []
    by_day: set[int] = set()
    for number, site in enumerate(protocol.study.sites):
        post = _Post(protocol, trial, calendar, site, number)
        drops += post.participants_and_questionnaires()
        for feed in LOGS if protocol.study.has_allocation else LOGS[1:]:
            drops += post.log(feed)
        by_day |= post.by_day
    drops = [drop for drop in drops if drop.rows]  # who has nothing to report sends no file
    _know_repeats(drops)
    return drops, by_day


def _know_repeats(drops: list[Drop]) -> None:
    """An export that says the same as the one before it: its bytes are a repeat, from which nothing changes."""
    latest: dict[tuple[str, str, str], Drop] = {}
    for drop in drops:
        stream = (drop.site, drop.feed, drop.source.source if drop.source else "house")
        before = latest.get(stream)
        if before is not None and before.cells.text.equals(drop.cells.text):
            drop.expected = Expected("repeat")
        latest[stream] = drop


def log_ends(drops: list[Drop]) -> dict[tuple[str, str], date | None]:
    """See `State.log_ends`; deliveries that will be rejected or are repeats do not count."""
    ends: dict[tuple[str, str], date | None] = {}
    for drop in drops:
        place = (drop.site, drop.feed)
        if drop.expected.status:
            continue
        known = ends.get(place, date.min)
        ends[place] = None if drop.period_end is None or known is None else max(known, drop.period_end)
    return ends


@dataclass
class _Post:
    """One site's post room."""

    protocol: Protocol
    trial: Trial
    calendar: Calendar
    site: Site
    number: int
    by_day: set[int] = field(default_factory=set)

    def participants_and_questionnaires(self) -> list[Drop]:
        who = next(iter(self.site.feeds.get("participants", [])), None)
        answers, left_over = self._by_source()
        project = next((i for i, (s, _) in enumerate(answers) if who and s.dialect and _same_export(s, who)), None)
        drops: list[Drop] = []
        for i, cut in enumerate(self.calendar.cuts(*FULL_EXPORTS)):
            people = self._people(who, cut)
            forms = [self._forms(source, rows, cut, i) for source, rows in answers]
            if project is not None and who is not None:
                people = redcap_cells(people, answers[project][0], forms[project])
                forms[project] = people
            drops.append(self._drop("participants", people, cut, i, who))
            drops += [
                self._drop("questionnaires", cells, cut, i, source)
                for (source, _), cells in zip(answers, forms, strict=True)
            ]
        return drops + self._in_house_format(left_over)

    def log(self, feed: FeedName) -> list[Drop]:
        """A feed whose rows carry their own date, in increments (or ever longer full exports)."""
        source = next(iter(self.site.feeds.get(feed, [])), None)
        rows, day = self._dated(feed)
        full = source is not None and (source.scope or _usual_scope(feed)) == "full"
        drops = []
        for i, (after, cut) in enumerate(_spans(self.calendar.cuts(*INCREMENTS.get(feed, FULL_EXPORTS)))):
            new = rows.filter(pl.col(day) <= cut, pl.lit(full) | (pl.col(day) > after))
            if feed == "allocation" and self.trial.allocated_again:
                new = _as_allocated(rows, date.min if full else after, cut)
            drops.append(self._drop(feed, self._cells(feed, source, new), cut, i, source))
        return drops

    def _dated(self, feed: str) -> tuple[pl.DataFrame, str]:
        rows: pl.DataFrame = getattr(self.trial, feed).filter(site=self.site.site)
        if feed == "usage":
            local = pl.col("utc").dt.convert_time_zone(self.site.timezone if self.number % 3 == 1 else "UTC")
            stamp = local.dt.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").str.replace(r"\+00:00$", "Z")
            return rows.with_columns(stamp.alias("occurred_at")), "day"
        if feed == "contacts":
            local = pl.col("utc").dt.convert_time_zone(self.site.timezone).dt.strftime(WALL_CLOCK)
            return rows.with_columns(local.alias("occurred_at")), "day"
        return rows, {"allocation": "randomised_on", "adverse_events": "reported_on"}[feed]

    def _cells(self, feed: str, source: Source | None, rows: pl.DataFrame) -> Cells:
        text = as_text(feed, rows, source.dates if source else {})
        return source_cells(source, feed, text, self.site) if source else house_cells(feed, text)

    def _people(self, source: Source | None, cut: date) -> Cells:
        return self._cells("participants", source, status_on(self.trial.people, cut).filter(site=self.site.site))

    def _by_source(self) -> tuple[list[tuple[Source, pl.DataFrame]], pl.DataFrame]:
        """The site's answers by the source that can carry them, and those that none can."""
        rows = self.trial.answers.filter(site=self.site.site)
        forms = rows.unique("form", maintain_order=True).select(
            "form",
            pl.int_range(pl.len()).over("subject_id", "instrument", "visit").alias("repetition"),
        )
        rest = rows.join(forms, on="form", how="left", maintain_order="left")
        found: list[tuple[Source, pl.DataFrame]] = []
        for source in self.site.feeds.get("questionnaires", []):
            fits = carries(source).fill_null(False)
            found.append((source, rest.filter(fits)))
            rest = rest.filter(~fits)
        return found, rest

    def _forms(self, source: Source, rows: pl.DataFrame, cut: date, i: int) -> Cells:
        cuts = self.calendar.cuts(*FULL_EXPORTS)
        after = date.min if i == 0 or (source.scope or "full") == "full" else cuts[i - 1]
        sent = rows.filter(pl.col("local").dt.date() <= cut, pl.col("local").dt.date() > after)
        form = source.dates.get("completed_at", _time_format(source))
        if "%H" not in str(form):
            self.by_day |= set(sent["form"].to_list())
        sent = sent.with_columns(pl.col("local").alias("completed_at"))
        sent = as_text("questionnaires", sent, {"completed_at": form})
        if source.forms:
            return wide_cells(source, self.protocol, sent, self.site)
        return source_cells(source, "questionnaires", sent, self.site)

    def _in_house_format(self, rows: pl.DataFrame) -> list[Drop]:
        """The programme's weekly forms (with an offset), and what the site's own format has no room for."""
        zoned = pl.col("local").dt.replace_time_zone(self.site.timezone, ambiguous="earliest")
        rows = rows.with_columns(
            pl.when("weekly")
            .then(zoned.dt.strftime(WALL_CLOCK + "%:z"))
            .otherwise(pl.col("local").dt.strftime(WALL_CLOCK))
            .alias("completed_at")
        )
        day = pl.col("local").dt.date()
        drops = []
        for i, (after, cut) in enumerate(_spans(self.calendar.cuts(*INCREMENTS["questionnaires"]))):
            new = rows.filter(day > after, day <= cut)
            drops.append(self._drop("questionnaires", house_cells("questionnaires", new), cut, i, None))
        return drops

    def _drop(self, feed: str, cells: Cells, cut: date, i: int, source: Source | None) -> Drop:
        """Some drops bring a manifest: here the first of a site's full exports, there both or none."""
        full = source is not None and (source.scope or _usual_scope(feed)) == "full"
        last = cut == self.calendar.cut
        announced = (self.number % 3 == 0 and not last) or self.number % 3 == 2 if full else i % 2 == 0
        name = f"house_{feed}_{cut}.csv" if source is None else file_name(self.protocol, source, feed, cut)
        zipped = source is not None and self.number % 3 == 2 and fnmatch(name + ".gz", source.files)
        return Drop(
            site=self.site.site,
            feed=feed,
            file_name=name + ".gz" * zipped,
            cells=cells,
            read=source.read if source else HOUSE,
            up_to=cut,
            source=source,
            zipped=zipped,
            period_end=cut if announced else None,
        )


def file_name(protocol: Protocol, source: Source, feed: str, cut: date) -> str:
    """A name that the source's pattern matches, and that sorts by `cut`."""
    pattern = source.files
    stars = pattern.count("*")
    if not stars:
        return f"{cut}/{pattern}"
    if stars == 1:
        return pattern.replace("*", f"{feed}_{cut}")
    if pattern.endswith("*"):
        return pattern.replace("*", f"{feed}_{cut}", 1).replace("*", "")
    return pattern.replace("*", f"{protocol.study.study}_", 1).replace("*", f"_{cut}", 1).replace("*", "")


def _time_format(source: Source) -> str:
    if source.system == "redcap":
        return "%Y-%m-%d %H:%M:%S"
    return "%Y-%m-%d"


def _usual_scope(feed: str) -> str:
    return "full" if FEEDS[feed].full_by_default else "incremental"


def _same_export(one: Source, other: Source) -> bool:
    same = (one.files, one.read, one.dialect) == (other.files, other.read, other.dialect)
    return same and one.columns.get("subject_id") == other.columns.get("subject_id")


def _as_allocated(rows: pl.DataFrame, after: date, cut: date) -> pl.DataFrame:
    """Whoever was randomised, or randomised again, in the days after `after` up to `cut`, as known on that day."""
    again = pl.col("second_randomised_on") <= cut
    news = pl.col("randomised_on").is_between(after, cut, closed="right") | (
        again & (pl.col("second_randomised_on") > after)
    )
    known = [pl.when(again).then(name).alias(name) for name in ("second_arm", "second_randomised_on")]
    return rows.filter(news.fill_null(False)).with_columns(known)


def _spans(cuts: list[date]) -> Iterator[tuple[date, date]]:
    yield from zip([date.min + timedelta(days=1), *cuts], cuts, strict=False)
