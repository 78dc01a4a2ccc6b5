"""The PDF of a page, and what is said where it cannot be made."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from pipelines.report.board import pdf
from pipelines.report.board.drawings import NO_WORDS, taken_out, tree_of, without_blanks
from pipelines.report.board.fonts import font_faces
from pipelines.report.board.page import open_page
from tests.report.board.made_up import numbers, study

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


def test_a_process_that_was_loaded_ahead_draws_the_same(
    made: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "_draw", lambda *_: b"drawn here")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pdf.DRAWER.may_load():
        pdf.DRAWER.load()
        assert pdf.to_pdf(PAGE, CUT_OFF) == made
        assert not [*tmp_path.iterdir()], "it leaves no fonts behind"
        assert pdf.to_pdf(PAGE, CUT_OFF) == b"drawn here", "it draws one page"
    with pdf.DRAWER.may_load():
        pdf.DRAWER.load()
        (block,) = pdf.DRAWER.blocks
        assert block.process is not None
        block.process.kill()
        assert pdf.to_pdf(PAGE, CUT_OFF) == b"drawn here", "whatever became of the process, there is a PDF"


def test_what_was_begun_ahead_is_taken_for_that_page_alone(made: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_draw", lambda *_: b"drawn here")
    assert not pdf.DRAWER.waits
    for page, expected in ((PAGE, made), (PAGE.replace("Made up", "Another"), b"drawn here")):
        with pdf.DRAWER.may_load():
            pdf.begin_pdf(PAGE, CUT_OFF)
            assert not pdf.DRAWER.waits, "nothing loads where nobody began to"
            pdf.DRAWER.load()
            assert pdf.DRAWER.waits
            pdf.begin_pdf(PAGE, CUT_OFF)
            assert not pdf.DRAWER.waits
            assert pdf.to_pdf(page, CUT_OFF) == expected


def test_it_can_be_searched_and_holds_its_own_fonts(made: bytes) -> None:
    pypdf = pytest.importorskip("pypdf")
    from io import BytesIO

    document = pypdf.PdfReader(BytesIO(made))
    assert "宮崎大学" in document.pages[0].extract_text()
    fonts = {str(font["/BaseFont"]) for font in document.pages[0]["/Resources"]["/Font"].values()}
    assert any("Report" in font for font in fonts)


def test_a_drawing_is_said_in_words_to_whoever_cannot_see_it() -> None:
    pypdf = pytest.importorskip("pypdf")
    from io import BytesIO

    shown, words = "<circle cx='4' cy='4' r='2'/>", "One dot, and &lt;no&gt; more"
    page = PAGE.replace(
        "<p>",
        f'<svg role="img" aria-label="{words}" width="8" height="8" viewBox="0 0 8 8">{shown}</svg>'
        f'<svg aria-hidden="true" class="spark" width="8" height="8" viewBox="0 0 8 8">{shown}</svg><p>',
    )
    try:
        document = pypdf.PdfReader(BytesIO(pdf.to_pdf(page, CUT_OFF)))
    except pdf.NoPdf:
        pytest.skip("the system library Pango is missing, without which there is no PDF")
    figures = [
        element
        for number in range(1, document.trailer["/Size"])
        if isinstance(element := document.get_object(number), dict) and element.get("/S") == "/Figure"
    ]
    assert [figure.get("/Alt") for figure in figures] == ["One dot, and <no> more", NO_WORDS, "x"]
    assert document.pages[0].get_contents().get_data().count(b" c\n") >= 2, "both dots are drawn"


def test_each_drawing_is_taken_out_once_with_its_class() -> None:
    drawing = '<svg{} width="8"><g>\n<path d="M0 0h1"/></g></svg>'
    named, plain = drawing.format(' class="spark" aria-label="up"'), drawing.format("")
    glyph = '<span aria-hidden="true">■</span> ACTION'
    page, drawings = taken_out(f"<p>{glyph}{named}{plain}{named}</p>")
    assert page == (
        '<p>■ ACTION<img class="spark" alt="up" src="drawing:0"><img alt=" " src="drawing:1">'
        '<img class="spark" alt="up" src="drawing:0"></p>'
    )
    assert [*drawings] == ["drawing:0", "drawing:1"]
    assert drawings["drawing:1"] == plain.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"').encode()


def test_blanks_are_gone_where_a_block_begins_or_ends_and_nowhere_else() -> None:
    page = (
        "<table>\n<tr>\n<td class='a'> <b>x </b> y\u00a0 </td>\n</tr></table> <p>\n1 <i>2</i> 3\n</p>\n<pre> z </pre>"
    )
    assert without_blanks(page) == (
        "<table><tr><td class='a'><b>x </b> y\u00a0</td></tr></table><p>1 <i>2</i> 3</p><pre> z </pre>"
    )


def test_a_page_is_the_same_read_as_xml_and_as_html(made: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    html = pytest.importorskip("tinyhtml5")
    report = without_blanks(
        open_page(*numbers(study(["Oxford", "Hong Kong & <i>", "宮崎大学"], ["GBR", "HKG", "JPN"])))
    )
    for page in (taken_out(report)[0], PAGE):
        read = tree_of(page)
        assert read is not None
        expected = html.parse(page, namespace_html_elements=False)
        assert [_part(part) for part in read.iter()] == [_part(part) for part in expected.iter()]
    assert tree_of("<p>one<p>two") is None and tree_of("<p>&nbsp;</p>") is None
    monkeypatch.setattr(pdf, "tree_of", lambda _: None)
    assert pdf.to_pdf(PAGE, CUT_OFF) == made


def _part(element: Element) -> tuple[object, ...]:
    return element.tag, element.attrib, element.text or "", element.tail or "", len(element)


def test_the_open_pack_is_short_and_what_needs_attention_stands_on_one_page() -> None:
    pypdf = pytest.importorskip("pypdf")
    from io import BytesIO

    page = open_page(*numbers(study(["Oxford", "Hong Kong", "宮崎大学"], ["GBR", "HKG", "JPN"])))
    try:
        document = pypdf.PdfReader(BytesIO(pdf.to_pdf(page, CUT_OFF)))
    except pdf.NoPdf:
        pytest.skip("the system library Pango is missing, without which there is no PDF")
    texts = [" ".join(sheet.extract_text().split()) for sheet in document.pages]
    appendix = next(i for i, text in enumerate(texts) if "Appendix A." in text)
    assert appendix <= 12
    (attention,) = [
        text for text in texts if "1 What needs the board's attention?" in text and "Decisions asked" in text
    ]
    assert "T1.2" in attention and "T1.3" in attention and attention.count("for the site and the data manager") == 7
    assert all("OPEN: contains no treatment-arm information" in text for text in texts)


def test_without_pango_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(pdf.NoPdf, match="libpango"):
        pdf.to_pdf(PAGE, CUT_OFF)
