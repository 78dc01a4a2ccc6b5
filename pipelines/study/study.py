"""The study file: the protocol as data."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from pipelines.study.engagement import Engagement
from pipelines.study.epoch import Epoch
from pipelines.study.intercurrent import IntercurrentEvents
from pipelines.study.outcome import Identifier, Outcomes
from pipelines.study.query_rule import QueryChoice
from pipelines.study.safety import Safety
from pipelines.study.source import FeedName, Source, TimeZone
from pipelines.study.strict import Strict

Code = Annotated[str, Field(pattern=r"^\S+$")]


class Arm(Strict):
    """`programme_access` says who is given the internet programme; `ratio`, its share of the allocation."""

    arm: Code
    label: str
    programme_access: bool
    ratio: int = Field(default=1, ge=1)


class Visit(Strict):
    """An analysis visit; `window` holds the first and last study day that count for it."""

    avisit: str
    avisitn: int
    target_day: int
    window: tuple[int, int]
    arms: list[str] | None = None  # default: every arm
    epoch: str | None = None  # whose study days these are; default: the first

    @model_validator(mode="after")
    def _is_a_window(self) -> Visit:
        first, last = self.window
        if first > last:
            raise ValueError(
                f"{self.avisit}: its window runs backwards, from {first} to {last}; the first day comes first"
            )
        if not first <= self.target_day <= last:
            raise ValueError(f"{self.avisit}: target_day {self.target_day} lies outside its window {first} to {last}")
        if 0 in (first, last, self.target_day):
            raise ValueError(
                f"{self.avisit}: there is no study day 0; the reference date is day 1, the day before it -1"
            )
        return self


class Schedule(Strict):
    """At which visits an instrument is due, and whether the programme also asks it weekly.

    What was added to the protocol later is not missing before: `since` is the first day on which the form is asked,
    one for all or one by visit (and `weekly`); `items_since` likewise of items that the form did not have at first.

    `version`: a rival rule, `<instrument>@<version>.yaml`. `value_sets`: files in `instruments/` beside the study
    file, by country or for `any`, for an instrument with an index.
    """

    instrument: Identifier
    version: Identifier | None = None
    visits: list[str]
    weekly: bool = False
    since: date | dict[str, date] | None = None
    items_since: dict[str, date] = Field(default_factory=dict)
    value_sets: dict[str, str] = Field(default_factory=dict)

    def asked_since(self, avisit: str) -> date | None:
        """The first day on which the form is asked at a visit, or `weekly`; None where it always was."""
        return self.since.get(avisit) if isinstance(self.since, dict) else self.since


class Weekly(Strict):
    """Forms filled in inside the programme, week by week."""

    label: str = "WEEKLY"
    fills_visit: Literal["never", "when_missing"] = "when_missing"


class Module(Strict):
    """`phase: booster`: released after the treatment only, so that nobody can have completed it by its end; every
    module of kind booster is. `arms`: whose programme it belongs to."""

    module: Code
    label: str
    kind: Literal["core", "optional", "booster"]
    phase: Literal["treatment", "booster"] | None = None  # default: treatment, of kind booster booster
    arms: list[str] | None = None  # default: every arm with access to the programme

    @model_validator(mode="after")
    def _boosters_come_later(self) -> Module:
        if self.kind == "booster" and self.phase == "treatment":
            raise ValueError(f"{self.module}: a module of kind booster belongs to the booster phase")
        return self

    @property
    def in_phase(self) -> Literal["treatment", "booster"]:
        return self.phase or ("booster" if self.kind == "booster" else "treatment")


class Treatment(Strict):
    starts: Literal["randomisation", "consent"] = "randomisation"
    weeks: int = Field(ge=1)


class Condition(Strict):
    """What a participant must meet to belong to a population; all that are given must hold."""

    randomised: bool = False
    baseline_primary: bool = False
    post_baseline_primary: bool = False
    primary_at_endpoint: bool = False
    programme_started: bool = False  # asked only of arms with access to the programme
    core_modules_completed: int = Field(default=0, ge=0)  # likewise


class Populations(Strict):
    itt: Condition
    mitt: Condition
    pprot: Condition
    saf: Condition


class Holding(Strict):
    """When a full export without a manifest is held: so many records, and so large a share, would vanish."""

    records: int = Field(default=3, ge=1)
    share: float = Field(default=0.01, ge=0, le=1)


class ReadingLimits(Strict):
    """What reading one file may take of the machine. `seconds` (of all cores together; three times as long by the
    clock) and `output_mb` grow with the size of the file as it was sent."""

    memory_mb: int = Field(default=2048, ge=256)
    seconds: int = Field(default=120, ge=1)
    seconds_a_mb: float = Field(default=5, ge=0)
    output_mb: int = Field(default=1024, ge=1)
    output_mb_a_mb: float = Field(default=20, ge=0)


class Drift(Strict):
    """When an export counts as changed against the one before it: shares are compared where both have `records`
    filled cells, a change of less than `share` is left to chance, and a code counts as gone once `expected` of its
    cells are wanting. The alert stands for `days`."""

    records: int = Field(default=20, ge=1)
    share: float = Field(default=0.25, gt=0, le=1)
    expected: int = Field(default=10, ge=1)
    days: int = Field(default=28, ge=1)


class Deliveries(Strict):
    settle_seconds: int = Field(default=600, ge=0)
    hold_when_vanishing: Holding = Field(default_factory=Holding)
    drift: Drift = Field(default_factory=Drift)
    limits: ReadingLimits = Field(default_factory=ReadingLimits)


class Blinding(Strict):
    """`none` where nobody is blinded; else who may see outcomes before the database is opened."""

    outcomes: Literal["statistician", "nobody", "none"] = "statistician"


class CurrencyLimit(Strict):
    """How many days old the newest data of a feed may be before the board is told."""

    watch_days: int = Field(ge=0)
    action_days: int = Field(ge=0)
    reason: str


def _currency() -> dict[FeedName, CurrencyLimit]:
    reason = "a week for what people fill in themselves, twice that for action; a proposal to confirm"
    return {"questionnaires": CurrencyLimit(watch_days=7, action_days=14, reason=reason)}


class RecruitmentPlan(Strict):
    """In how many months the sites' targets are to be reached, and why."""

    months: float = Field(gt=0)
    reason: str


class EndReasons(Strict):
    """Which of the `discontinuation_reasons` are no withdrawal: the person was lost to follow-up, or died."""

    lost: list[str] = Field(default_factory=lambda: ["LOST TO FOLLOW-UP"])
    died: list[str] = Field(default_factory=lambda: ["DEATH"])


class Deployment(Strict):
    """Of this installation, not of the protocol. `group` may read the blinded files."""

    group: str | None = None


class Site(Strict):
    site: Identifier
    name: str
    country: str = Field(pattern=r"^[A-Z]{3}$")
    language: str
    timezone: TimeZone
    target: int | None = Field(default=None, ge=0)
    opened_on: date | None = None
    feeds: dict[FeedName, list[Source]] = Field(default_factory=dict)

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Study(Strict):
    """A study file, `study.yaml` of a workspace."""

    study: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    title: str
    version: str
    registrations: list[str] = Field(default_factory=list)
    sources: list[str] = Field(default_factory=list)
    arms: list[Arm] = Field(default_factory=list)
    reference_date: Literal["randomisation", "consent"] = "randomisation"
    recruitment: RecruitmentPlan | None = None
    recruitment_closed_on: date | None = None
    sites: list[Site] = Field(min_length=1)
    epochs: list[Epoch] = Field(default_factory=list)
    visits: list[Visit] = Field(min_length=1)
    instruments: list[Schedule] = Field(min_length=1)
    weekly: Weekly = Field(default_factory=Weekly)
    treatment: Treatment | None = None
    modules: list[Module] = Field(default_factory=list)
    engagement: Engagement
    populations: Populations
    exclusion_reasons: list[str] = Field(default_factory=list)
    discontinuation_reasons: list[str] = Field(default_factory=list)
    end_reasons: EndReasons = Field(default_factory=EndReasons)
    intercurrent_events: IntercurrentEvents = Field(default_factory=IntercurrentEvents)
    safety: Safety = Field(default_factory=Safety)
    outcomes: Outcomes
    deliveries: Deliveries = Field(default_factory=Deliveries)
    blinding: Blinding | Literal["none"] = Field(default_factory=Blinding)
    quality: dict[str, Limit] = Field(default_factory=dict)
    indicator_days: dict[str, int] = Field(default_factory=dict)
    currency: dict[FeedName, CurrencyLimit] = Field(default_factory=_currency)
    queries: dict[str, QueryChoice] = Field(default_factory=dict)
    deployment: Deployment = Field(default_factory=Deployment)

    @cached_property
    def site_by_id(self) -> dict[str, Site]:
        return {site.site: site for site in self.sites}

    def epoch_number(self, visit: Visit) -> int:
        """1 for the first epoch, or where the study file has none of that name."""
        return next((n for n, epoch in enumerate(self.epochs, 1) if epoch.epoch == visit.epoch), 1)

    @property
    def first_visits(self) -> list[Visit]:
        """The visits of the first epoch: without `epochs:`, all."""
        return [visit for visit in self.visits if self.epoch_number(visit) == 1]

    def modules_of(self, arm: str | None) -> list[Module]:
        """What the programme of an arm consists of; `arm` is None in a study without arms."""
        return [module for module in self.modules if module.arms is None or arm in module.arms]

    @property
    def has_allocation(self) -> bool:
        return bool(self.arms)

    @property
    def who_sees_outcomes(self) -> Literal["statistician", "nobody", "none"]:
        return "none" if self.blinding == "none" else self.blinding.outcomes


class Limit(Strict):
    """The largest share of failures that a check tolerates, and how many records it needs to judge."""

    tolerance: float = Field(ge=0, le=1)
    minimum: int = Field(default=1, ge=0)
    reason: str


Study.model_rebuild()
