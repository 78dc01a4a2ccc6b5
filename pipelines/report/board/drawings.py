"""A page as the PDF takes it: without blanks, its drawings as images beside it, each with what it says in words.

Within the page WeasyPrint would read and style each of their thousand lines as it does a paragraph, and it takes the
words of an image alone into the PDF, for whoever cannot see it.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

_UNREAD = re.compile(r'<span aria-hidden="true">([^<]*)</span>')  # WeasyPrint knows nothing of it
_DRAWING = re.compile(r"<svg([^>]*)>(.*?)</svg>", re.DOTALL)
_WORDS = re.compile(r' aria-label="([^"]*)"')
_CLASS = re.compile(r' class="[^"]*"')
_EMPTY = re.compile(r"<((?:meta|br|img)\b[^>]*)>")
NO_WORDS = " "  # of one that only shows what the text beside it says
_BLOCK = (
    "html|body|header|main|section|nav|article|figure|figcaption|div|p|h[1-6]|[ou]l|li|dl|"
    "table|caption|thead|tbody|tr|th|td"
)
_BESIDE_A_BLOCK = re.compile(rf"[ \n]+(?=</?(?:{_BLOCK})\b)|(</?(?:{_BLOCK})\b[^>]*>)[ \n]+")


def taken_out(page: str) -> tuple[str, dict[str, bytes]]:
    """The page with an image in place of each drawing, and the drawings by the images' addresses.

    Marks that are not to be read aloud stand in the text around them: the PDF had them read aloud in either case.
    """
    addresses: dict[str, str] = {}

    def image(found: re.Match[str]) -> str:
        attributes, lines = found.groups()
        drawing = f'<svg xmlns="http://www.w3.org/2000/svg"{attributes}>{lines}</svg>'
        address = addresses.setdefault(drawing, f"drawing:{len(addresses)}")
        words, of_class = _WORDS.search(attributes), _CLASS.search(attributes)
        alternative = words[1] if words else NO_WORDS
        return f'<img{of_class[0] if of_class else ""} alt="{alternative}" src="{address}">'

    page = _DRAWING.sub(image, _UNREAD.sub(r"\1", page))
    return page, {address: drawing.encode() for drawing, address in addresses.items()}


def without_blanks(page: str) -> str:
    """The page without the blanks at the beginning and the end of a block, which nobody sees: WeasyPrint shapes a text
    once more to take them off again, and counts them in the width that a column wants."""
    return _BESIDE_A_BLOCK.sub(lambda found: found[1] or "", page)


def tree_of(page: str) -> ElementTree.Element | None:
    """The page read as XML, which takes next to no time, where WeasyPrint reads HTML letter by letter; None where it
    holds what only HTML allows."""
    try:
        return ElementTree.fromstring(_EMPTY.sub(r"<\1/>", page))  # noqa: S314 (our own page)
    except ElementTree.ParseError:
        return None
