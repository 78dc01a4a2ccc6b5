"""How use of the programme is counted, and what use of it was intended: the study file's `engagement:`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, model_validator

from pipelines.study.outcome import Identifier
from pipelines.study.strict import Strict
from pipelines.study.yaml_file import Complaint, Place

Period = Literal["TREATMENT", "FOLLOW-UP", "OVERALL"]

# PARAMCD → what `analysis.adeng` measures and its unit, in the order in which it is shown.
MEASURES: dict[str, tuple[str, str]] = {
    "DAYS": ("Days in the period", "days"),
    "DAYCERT": ("Days certified as used or not used", "days"),
    "DAYOUT": ("Days on which the log was out", "days"),
    "DAYACT": ("Active days", "days"),
    "DAYACTP": ("Active days of certified days", "%"),
    "UPTAKE": ("Used the programme at least once", "0/1"),
    "WEEKS": ("Weeks that the log reaches", "weeks"),
    "WEEKCERT": ("Weeks with every day certified", "weeks"),
    "WEEKACT": ("Weeks with a session", "weeks"),
    "NSESS": ("Sessions", "sessions"),
    "NSESS1": ("Sessions of one event", "sessions"),
    "SESSMIN": ("Active minutes", "min"),
    "NLOGIN": ("Logins", "logins"),
    "MODREL": ("Modules released", "modules"),
    "MODOPEN": ("Modules opened", "modules"),
    "MODCOMP": ("Modules completed", "modules"),
    "CMPREL": ("Completed of modules released", "%"),
    "CMPCORE": ("Completed of core modules", "%"),
    "CMPPHASE": ("Completed of modules of the phase", "%"),
    "MSGTO": ("Messages to the therapist", "messages"),
    "MSGFROM": ("Messages from the therapist", "messages"),
    "NREMIND": ("Reminders sent", "reminders"),
    "CALLPLAN": ("Calls planned", "calls"),
    "CALLDONE": ("Calls done", "calls"),
    "CALLPCT": ("Calls done of calls planned", "%"),
    "THERWK": ("Weeks with a contact log", "weeks"),
    "THERMIN": ("Therapist minutes", "min"),
    "THERCALL": ("Therapist minutes: calls", "min"),
    "THERMSG": ("Therapist minutes: messages", "min"),
    "THERVID": ("Therapist minutes: video", "min"),
    "THERPER": ("Therapist minutes: in person", "min"),
    "WKFEXP": ("Weekly forms expected", "forms"),
    "WKFDONE": ("Weekly forms filled in", "forms"),
    "WKFPCT": ("Weekly forms filled in of expected", "%"),
}


class Silence(Strict):
    """When a site's silence is an outage of its log: nobody's event for so many days that, at the rate of the
    `history_days` before, people still in treatment would have used it on `expected_user_days` days, and at least
    `people` of them did use it in that history. `reason` says why these numbers."""

    history_days: int = Field(default=28, ge=7)
    expected_user_days: int = Field(default=7, ge=1)
    people: int = Field(default=5, ge=2)
    reason: str


class LogLimits(Strict):
    """Beyond what the log cannot be right, or needs a look; `reason` says why these numbers.

    `minutes_ahead`: an event's time lies so far after the moment at which the platform stored it.
    `minutes_behind`: not one event of a device was stored sooner than so long after its time.
    `session_hours`: nobody sits so long at it. `switches`: within `switch_minutes` each, one account goes back and
    forth between two devices so often in a day.
    """

    minutes_ahead: int = Field(default=5, ge=0)
    minutes_behind: int = Field(default=60, ge=1)
    session_hours: int = Field(default=12, ge=1)
    switch_minutes: int = Field(default=2, ge=1)
    switches: int = Field(default=3, ge=1)
    reason: str = "Proposals; nobody has published limits for such logs"


class PlannedCalls(Strict):
    """One call each in `first_week`, and every so many weeks after it up to `last_week`."""

    first_week: int = Field(ge=1)
    last_week: int = Field(ge=1)
    every_weeks: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _runs_forwards(self) -> PlannedCalls:
        if self.last_week < self.first_week:
            raise ValueError(f"planned calls end in week {self.last_week}, before they begin")
        return self

    @property
    def weeks(self) -> range:
        return range(self.first_week, self.last_week + 1, self.every_weeks)


class Threshold(Strict):
    """`measure` is a PARAMCD of analysis.adeng that must reach `at_least` and may not exceed `at_most`."""

    measure: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Threshold:
        if self.measure not in MEASURES:
            raise ValueError(f"no measure `{self.measure}`; there are {', '.join(MEASURES)}")
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"{self.measure}: say `at_least` or `at_most`; more is not better without a threshold")
        return self


class Adherence(Strict):
    """Use compared with an intended use. `category` is Sieverink et al. 2017's (10.2196/jmir.8578): B has a
    threshold without a reason, C a justified one. Their A, more use is better, is no adherence and is refused."""

    definition: Identifier
    version: str = "1"
    title: str
    category: Literal["A", "B", "C"]
    intended_use: str
    justification: str | None = None
    source: str
    verified: bool = True
    period: Period = "TREATMENT"
    all_of: list[Threshold] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_against_intended_use(self) -> Adherence:
        if self.category == "A":
            raise ValueError(
                f"{self.definition}: category A, more use is better, is no adherence (Sieverink et al. 2017); "
                "state a threshold of intended use"
            )
        if self.category == "C" and not self.justification:
            raise ValueError(f"{self.definition}: category C needs a `justification`; without one it is category B")
        return self


class Engagement(Strict):
    """How use of the programme is counted; `reason` says why these numbers.

    `sensitivity_gap_minutes`: other gaps at which sessions and minutes are counted too. `test_accounts`: numbers of
    staff and test accounts, or with a `*` at the end how they begin.
    """

    session_gap_minutes: int = Field(default=30, ge=1)
    sensitivity_gap_minutes: list[int] = Field(default_factory=lambda: [15, 60])
    reason: str
    silence: Silence | None = None
    calls: list[PlannedCalls] = Field(default_factory=list)
    test_accounts: list[str] = Field(default_factory=list)
    log: LogLimits = Field(default_factory=LogLimits)
    adherence: list[Adherence] = Field(default_factory=list)

    @property
    def gaps(self) -> list[int]:
        """Every gap at which sessions are counted, in minutes."""
        return sorted({self.session_gap_minutes, *self.sensitivity_gap_minutes})


def engagement_complaints(engagement: Engagement) -> Iterator[Complaint]:
    """Gaps that are none, account numbers with a `*` elsewhere than at the end, rules of the same name."""
    place: Place = ("engagement",)
    for i, gap in enumerate(engagement.sensitivity_gap_minutes):
        if gap < 1:
            yield (*place, "sensitivity_gap_minutes", i), f"a gap of {gap} minutes ends every session; give 1 or more"
    for i, account in enumerate(engagement.test_accounts):
        if not account.removesuffix("*") or "*" in account.removesuffix("*"):
            yield (*place, "test_accounts", i), f"`{account}`: a `*` stands at the end alone, after how accounts begin"
    names = [rule.definition for rule in engagement.adherence]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield (*place, "adherence", i, "definition"), f"there are two definitions of adherence called `{name}`"
