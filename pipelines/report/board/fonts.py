"""The typeface that travels with the report: of Noto Sans CJK, in two weights, only the glyphs that the page uses.

The fonts come with two packages (SIL Open Font License 1.1). Their glyphs hold Latin, Greek, Japanese, Chinese and
Korean; what else a name may hold is drawn with a font of the reader's machine.

To take them out and to pack them takes a third of a page; pages of one trial hold the same letters night after night,
so the last few are kept where Python keeps compiled modules.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from importlib.util import cache_from_source
from io import BytesIO
from pathlib import Path

from pipelines import effects

NAME = "Report"
KEPT = Path(cache_from_source(__file__)).with_name("glyphs")
MOST_KEPT = 16
MADE_WITH = ("uharfbuzz", "fonttools", "brotli")
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
    kept = KEPT / _made_of(package, letters)
    with suppress(OSError):
        digest, _, font = kept.read_bytes().partition(b"\n")
        if digest == sha256(font).hexdigest().encode():
            return font
    font = _packed(package, letters)
    with suppress(OSError):  # what is not kept is made again
        effects.make_directory(KEPT)
        effects.write(kept, sha256(font).hexdigest().encode() + b"\n" + font)
        for older in sorted(KEPT.glob("[!.]*"), key=lambda path: path.stat().st_mtime)[:-MOST_KEPT]:
            effects.remove(older)
    return font


def _made_of(package: str, letters: frozenset[str]) -> str:
    """A name for what a font is made of: the letters, the packages, and this file, which says how."""
    packages = [f"{name} {version(name)}" for name in (package, *MADE_WITH)]
    facts = [package, *packages, *sorted(letters)]
    return sha256("\0".join(facts).encode() + Path(__file__).read_bytes()).hexdigest()


def _packed(package: str, letters: frozenset[str]) -> bytes:
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
