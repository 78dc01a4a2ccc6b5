"""The PDF of a page, and what is said where it cannot be made."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date

import pytest

from pipelines.report.board import pdf
from pipelines.report.board.fonts import font_faces

CUT_OFF = date(2026, 11, 30)
TEXT = "Oxford, 香港, 宮崎大学 ✓ ■ ▲ ∅"
PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Made up</title><style>{font_faces(TEXT)}
p {{ font-family: "Report" }}</style></head><body><h1>{TEXT}</h1><p>{TEXT}</p>
<img src="http://example.org/x.png" alt="x"></body></html>"""


@pytest.fixture(scope="module")
def made() -> Iterator[bytes]:
    try:
        yield pdf.to_pdf(PAGE, CUT_OFF)
    except pdf.NoPdf:
        pytest.skip("the system library Pango is missing, without which there is no PDF")


def test_the_same_page_gives_the_same_bytes(made: bytes) -> None:
    assert made.startswith(b"%PDF")
    assert pdf.to_pdf(PAGE, CUT_OFF) == made
    assert "SOURCE_DATE_EPOCH" not in os.environ


def test_it_can_be_searched_and_holds_its_own_fonts(made: bytes) -> None:
    pypdf = pytest.importorskip("pypdf")
    from io import BytesIO

    document = pypdf.PdfReader(BytesIO(made))
    assert "宮崎大学" in document.pages[0].extract_text()
    fonts = {str(font["/BaseFont"]) for font in document.pages[0]["/Resources"]["/Font"].values()}
    assert any("Report" in font for font in fonts)


def test_without_pango_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(pdf.NoPdf, match="libpango"):
        pdf.to_pdf(PAGE, CUT_OFF)
