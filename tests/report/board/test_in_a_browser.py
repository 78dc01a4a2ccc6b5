"""The page as Chromium shows it, opened from disk with the network off: read, not only written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pipelines.report.board.page import open_page
from pipelines.report.board.status import STATUSES
from tests.report.board.made_up import numbers, study

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
PATIENCE = 300_000.0  # milliseconds: the machine may be busy
SHOWN = ("BROKEN", "NO_DATA", "ACTION", "WATCH")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed, so nothing can be opened in it")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, list[str], list[str]]]:
    """The page in a browser, what it asked for, and what the console said."""
    from playwright.sync_api import sync_playwright

    file = tmp_path_factory.mktemp("browser") / "open.html"
    names = ["Oxford", "Hong Kong", "宮崎大学医学部附属病院", "Leeds", "Bath", "Kyoto", "York", "Hull"]
    file.write_text(open_page(*numbers(study(names, ["GBR", "HKG", "JPN"]))), encoding="utf-8")
    asked: list[str] = []
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS), timeout=PATIENCE)
        context = browser.new_context(offline=True, viewport={"width": 1000, "height": 800}, bypass_csp=False)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(file.as_uri())
        yield page, asked, said
        browser.close()


def test_nothing_is_asked_for_and_nothing_goes_wrong(shown: tuple[Any, list[str], list[str]]) -> None:
    _, asked, said = shown
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []


def test_every_section_is_there_to_be_seen(shown: tuple[Any, list[str], list[str]]) -> None:
    page, _, _ = shown
    for number in range(13):
        assert page.locator(f"#s{number} h2").is_visible()


def test_it_is_set_in_its_own_fonts(shown: tuple[Any, list[str], list[str]]) -> None:
    page, _, _ = shown
    loaded = page.evaluate("[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family + f.weight)")
    assert sorted(name.replace('"', "") for name in loaded) == ["Report400", "Report700"]


def test_people_with_assistive_technology_can_read_it(shown: tuple[Any, list[str], list[str]]) -> None:
    import axe_playwright_python

    page, _, _ = shown
    library = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(library)  # not by a script element: the page's own policy forbids that
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    grave = [
        (violation["id"], [node["target"] for node in violation["nodes"]][:3])
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_it_can_be_gone_through_by_keyboard(shown: tuple[Any, list[str], list[str]]) -> None:
    page, _, _ = shown
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#s1"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    target = page.evaluate("location.hash")
    assert target not in ("", "#s1") and page.locator(target).is_visible()


def test_it_reflows_to_a_narrow_screen(shown: tuple[Any, list[str], list[str]]) -> None:
    page, _, _ = shown
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1000, "height": 800})


@pytest.mark.parametrize("sight", ["none", "achromatopsia", "deuteranopia"])
def test_statuses_are_told_apart_without_colour(shown: tuple[Any, list[str], list[str]], sight: str) -> None:
    """By words and glyph always; and what calls for somebody looks different from what is well, in any colours."""
    page, _, _ = shown
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": sight})
    faces = {}
    for code in SHOWN:
        badge = page.locator(f".reading .status.{code}")
        status = STATUSES[code]
        assert badge.inner_text() == f"{status.glyph} {status.words}"
        faces[code] = _grey(badge.screenshot())
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    assert faces["ACTION"] < 120 < faces["WATCH"]
    assert min(abs(faces["ACTION"] - faces[code]) for code in SHOWN if code != "ACTION") > 40
    assert faces["BROKEN"] > faces["NO_DATA"]  # white within a thick black frame; grey


def _grey(picture: bytes) -> float:
    """The commonest lightness of a picture, 0 to 255: that of its ground."""
    from PIL import Image

    histogram = Image.open(BytesIO(picture)).convert("L").histogram()
    return float(max(range(256), key=histogram.__getitem__))
