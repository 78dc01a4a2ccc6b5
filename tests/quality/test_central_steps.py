"""Central statistical checks between two reports: each is what its own formula finds after every step."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.quality.central import Unit, compare, judged
from pipelines.quality.central_steps import Version, steps_of
from pipelines.quality.explain import PARTS
from pipelines.quality.in_steps import Steps, parts_of, totals_of
from pipelines.study.load import SCHEMAS, load_protocol

STUDY = load_protocol(SCHEMAS / "studies" / "ict_sad.yaml").study
END = len(PARTS) + 1


def step(part: str) -> int:
    return PARTS.index(part) + 1


def weekend(site: str, person: int, x: int) -> Unit:
    return Unit("weekend", "consent_date", site, f"{site}-{person}", None, None, x)


def known(site: str, n: int, x: int) -> list[Version]:
    """n people of whom x consented at a weekend, before and after."""
    return [Version(weekend(site, i, int(i < x)), 0, END) for i in range(n)]


def moved(steps: list[Steps], number: str, site: str = "oxford") -> dict[str, tuple[int, int]]:
    return {
        part.part: (part.denominator, part.numerator)
        for part in parts_of(steps)
        if (part.number, part.site_id) == (number, site)
    }


def test_a_share_moves_with_who_came_and_with_what_was_corrected() -> None:
    """Of 20, 18 at a weekend; 5 new ones, of whom none; two of the 18 corrected: 18/20, 18/25, 16/25."""
    versions = [*known("oxford", 18, 16), *known("miyazaki", 80, 2)]
    for i in (100, 101):
        versions.append(Version(weekend("oxford", i, 1), 0, step("corrections")))
        versions.append(Version(weekend("oxford", i, 0), step("corrections"), END))
    versions += [Version(weekend("oxford", 200 + i, 0), step("new_participants"), END) for i in range(5)]
    steps = steps_of(versions, STUDY)
    assert moved(steps, "central|C7|consent_date|statistic") == {
        "new_participants": (-18, -18), "corrections": (-8, -8)
    }  # fmt: skip
    assert moved(steps, "central|C7|consent_date|values") == {"new_participants": (5, 5)}
    assert moved(steps, "central|C7|consent_date|listed") == {"corrections": (-2, -2)}
    assert moved(steps, "comparisons|C7|LISTED", "") == {}


def test_two_forms_alike_of_two_people_are_two_until_one_is_withdrawn() -> None:
    def form(person: str, code: str) -> Unit:
        return Unit("copied", "lsas_sr", "oxford", person, None, code, 0)

    others = [Version(form(f"p{i}", f"{i:015x}"), 0, END) for i in range(40)]
    alike = [Version(form("p50", "f" * 15), 0, END), Version(form("p51", "f" * 15), 0, step("corrections"))]
    steps = steps_of([*others, *alike], STUDY)
    assert moved(steps, "central|C3|lsas_sr|listed") == {"corrections": (-2, -2)}
    assert moved(steps, "comparisons|C3|LISTED", "") == {"corrections": (-1, -1)}
    assert moved(steps, "comparisons|C3|NOT_LISTED", "") == {"corrections": (1, 1)}
    assert moved(steps_of([*others, alike[0]], STUDY), "comparisons|C3|LISTED", "") == {}


def test_a_spread_is_reckoned_from_the_scores_of_each_step() -> None:
    """Twenty alike but for a point, against forty who differ; then those of the site who came late differ as much."""

    def score(site: str, i: int, value: float) -> Unit:
        return Unit("score", "LSASTOT", site, f"{site}-{i}", value, None, 0)

    rest = [Version(score("miyazaki", i, 40.0 + 20 * (i % 5)), 0, END) for i in range(40)]
    alike = [Version(score("oxford", i, 60.0 + i % 2), 0, END) for i in range(20)]
    late = [Version(score("oxford", 100 + i, 40.0 + 20 * (i % 5)), step("late_entries"), END) for i in range(20)]
    steps = steps_of([*rest, *alike, *late], STUDY)
    name = "central|C5|LSASTOT|statistic"
    found = {(number, site): (was[0], now[0]) for number, site, was, now in totals_of(steps)}
    assert found[name, "oxford"][0] == round(100 * 0.512989 / 28.644556)  # the two standard deviations
    assert moved(steps, name).keys() == {"late_entries"}
    assert sum(n for _, n in moved(steps, name).values()) == found[name, "oxford"][1] - found[name, "oxford"][0]
    assert found[name, "oxford"][1] > 50, "no longer less than half as wide"


scores = st.integers(0, 144)
people = st.lists(
    st.tuples(st.sampled_from(["oxford", "miyazaki"]), scores, scores, st.integers(0, 8), st.integers(0, 8)),
    min_size=30, max_size=90,
)  # fmt: skip


def versions_of(found: list[tuple[str, int, int, int, int]]) -> list[Version]:
    """Each person's two scores: there from the first step on, and until the second where that is later."""
    made = []
    for i, (site, one, other, first, last) in enumerate(found):
        end = last if last > first else END
        for measure, value in (("LSASTOT", one), ("PHQ9", other)):
            made.append(Version(Unit("score", measure, site, f"{site}-{i:03}", float(value), None, 0), first, end))
        made.append(Version(Unit("weekend", "consent_date", site, f"{site}-{i:03}", None, None, one % 2), first, end))
    return made


def alone(units: list[Unit]) -> dict[tuple[str, str, str], Any]:
    return {(one.check_id, one.measure, one.site_id): one for one in map(judged, compare(units, STUDY))}


@settings(max_examples=30, deadline=None)
@given(found=people)
def test_parts_add_up_and_first_and_last_are_what_the_page_says(found: list[tuple[str, int, int, int, int]]) -> None:
    versions = versions_of(found)
    versions.sort(key=lambda version: (version.unit.kind, version.unit.measure, version.unit.site_id))
    steps = steps_of(versions, STUDY)
    ends = [
        alone([version.unit for version in versions if version.from_step <= at < version.to_step])
        for at in (0, END - 1)
    ]
    for number, site, was, now in totals_of(steps):
        mine = [part for part in parts_of(steps) if (part.number, part.site_id) == (number, site)]
        assert (sum(p.denominator for p in mine), sum(p.numerator for p in mine)) == (
            now[0] - was[0], now[1] - was[1]
        )  # fmt: skip
        if number.startswith("central|"):
            _, check, measure, what = number.split("|")
            for size, end in zip((was, now), ends, strict=True):
                one = end[check, measure, site]
                told = {"values": one.n_site, "listed": one.n_listed, "statistic": one.statistic, "chance": one.p}[what]
                scale = {"statistic": 100, "chance": 1000}.get(what, 1)
                assert abs(size[1] - scale * told) <= 0.5 + 1e-9
