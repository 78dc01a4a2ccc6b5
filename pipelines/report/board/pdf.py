"""The PDF of a page: tagged, and byte for byte the same for the same page and cut-off."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

NO_PANGO = (
    "The PDF was not made, because the system library Pango is missing; the HTML says the same. "
    "To have both, install it (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0; macOS: brew install pango)."
)


class NoPdf(Exception):  # noqa: N818 (a state of the machine, not a fault)
    """This machine cannot make a PDF; one sentence says what to install."""


def to_pdf(page: str, cut_off: date) -> bytes:
    """The page as PDF/UA, dated with the cut-off. Raises NoPdf."""
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError):  # OSError: the library is there, what it binds to is not
        raise NoPdf(NO_PANGO) from None
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # its warnings quote the page
    with _dated(cut_off):
        document = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols={"data"}))
        content: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=False)
    return content


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
