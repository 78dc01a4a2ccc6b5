"""The PDF of a page: tagged, and byte for byte the same for the same page and cut-off.

A night has it drawn by a process that has loaded WeasyPrint while tables were made, and has no other work on its heap.
"""

from __future__ import annotations

import ctypes.util
import gc
import json
import logging
import os
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from tempfile import TemporaryDirectory
from typing import Any

from pipelines.loaded_ahead import LoadedAhead, leave
from pipelines.report.board.drawings import taken_out, tree_of, without_blanks

DRAWER = LoadedAhead("pipelines.report.board.pdf", patience=1800)

NO_PANGO = (
    "The PDF was not made, because the system library Pango is missing; the HTML says the same. "
    "To have both, install it (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0; macOS: brew install pango)."
)


class NoPdf(Exception):  # noqa: N818 (a state of the machine, not a fault)
    """This machine cannot make a PDF; one sentence says what to install."""


def begin_pdf(page: str, cut_off: date) -> None:
    """Where the process is loading, have it draw beside other work what `to_pdf` will ask of it."""
    DRAWER.ask(_question(page, cut_off))


def to_pdf(page: str, cut_off: date) -> bytes:
    """The page as PDF/UA, dated with the cut-off: from the process that is loading, or from this one where none is, or
    where it came to nothing. Raises NoPdf."""
    answer = DRAWER.answer(_question(page, cut_off))
    return b64decode(answer) if answer else _draw(page, cut_off)


def _question(page: str, cut_off: date) -> str:
    return json.dumps([page, cut_off.isoformat()])


def _draw(page: str, cut_off: date) -> bytes:
    try:
        from weasyprint import HTML
    except (ImportError, OSError):  # OSError: the library is there, what it binds to is not
        raise NoPdf(NO_PANGO) from None
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # its warnings quote the page
    page, drawings = taken_out(without_blanks(page))
    with _dated(cut_off):
        tree = tree_of(page)
        document = HTML(string=page if tree is None else "", url_fetcher=_fetcher(drawings))
        if tree is not None:
            document.wrapper_element = document.wrapper_element.from_html_root(tree, content_language=None)
            document.etree_element = tree
        content: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=False)
    return content


def _fetcher(drawings: Mapping[str, bytes]) -> Any:
    """It knows the page's drawings and what the page itself holds as data, and asks nobody else for anything."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Fetcher(URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url in drawings:
                return URLFetcherResponse(url, drawings[url], {"Content-Type": "image/svg+xml"})
            return super().fetch(url, headers)

    return Fetcher(allowed_protocols={"data"})


@contextmanager
def _dated(cut_off: date) -> Iterator[None]:
    """With the one clock that WeasyPrint takes for its metadata."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.combine(cut_off, time(), tzinfo=UTC)
    os.environ["SOURCE_DATE_EPOCH"] = str(int(moment.timestamp()))
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def _serve() -> None:
    """Draw one page; nothing when the asker has gone, or where it cannot be done here."""
    gc.disable()  # the page is soon drawn, and what is found in vain meanwhile takes a tenth of the time
    if sys.platform == "linux":  # elsewhere a library may stand where only this finds it; here it starts a compiler
        ctypes.util.find_library = lambda name: None
    import weasyprint  # noqa: F401 (loaded before the page comes)

    text = sys.stdin.read()
    if text:
        page, cut_off = json.loads(text)
        with TemporaryDirectory() as folder:  # where WeasyPrint puts fonts, which it would take away when taken down
            tempfile.tempdir = folder
            drawn = b64encode(_draw(page, date.fromisoformat(cut_off))).decode()
        leave(drawn, sys.stdout)


if __name__ == "__main__":
    _serve()
