"""The typeface that travels with the report: of Noto Sans CJK, in two weights, only the glyphs that the page uses.

The fonts come with two packages (SIL Open Font License 1.1). Their glyphs hold Latin, Greek, Japanese, Chinese and
Korean; what else a name may hold is drawn with a font of the reader's machine.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from importlib import import_module
from io import BytesIO

NAME = "Report"
WEIGHTS = {400: "cvttf_NotoSansCJK_Regular", 700: "cvttf_NotoSansCJK_Bold"}
FEATURES = ("kern", "locl", "palt", "ccmp", "tnum")  # locl: a Japanese name in Japanese glyphs, a Chinese in Chinese


def font_faces(text: str) -> str:
    """The CSS of fonts that hold every glyph of `text`, as data."""
    return "\n".join(
        f'@font-face {{ font-family: "{NAME}"; font-weight: {weight}; '
        f"src: url(data:font/woff2;base64,{b64encode(_subset(package, frozenset(text))).decode()}) format('woff2'); }}"
        for weight, package in WEIGHTS.items()
    )


@lru_cache(maxsize=len(WEIGHTS))  # a night makes its page twice
def _subset(package: str, letters: frozenset[str]) -> bytes:
    import uharfbuzz
    from fontTools.ttLib import TTFont

    face = uharfbuzz.Face(uharfbuzz.Blob.from_file_path(import_module(package).get_TTF_path()))
    wanted = uharfbuzz.SubsetInput()
    wanted.sets(uharfbuzz.SubsetInputSets.UNICODE).set({ord(letter) for letter in letters})
    wanted.sets(uharfbuzz.SubsetInputSets.LAYOUT_FEATURE_TAG).set({_tag(feature) for feature in FEATURES})
    font = TTFont(BytesIO(bytes(uharfbuzz.subset(face, wanted).blob.data)), recalcTimestamp=False)
    font.flavor = "woff2"
    packed = BytesIO()
    font.save(packed)
    return packed.getvalue()


def _tag(feature: str) -> int:
    return int.from_bytes(feature.encode("ascii"), "big")
