"""The bytes of a text file as UTF-8, decoded strictly in its declared encoding, a chunk at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from pipelines.landing.readers.packed import CHUNK, raw_chunks
from pipelines.landing.readers.table import UnreadableError

_UTF8 = {"utf-8", "ascii"}


def utf8_chunks(
    path: Path, file_name: str, encoding: str = "utf-8", member: str | None = None, chunk: int = CHUNK
) -> Iterator[bytes]:
    """The file's text in UTF-8, without a byte order mark; a packed file is unpacked on the way.

    A chunk may end within a character. Raises UnreadableError with the byte offset (of the unpacked file)
    of the first byte that is not text in `encoding`.
    """
    raw = raw_chunks(path, file_name, member, chunk)
    name = codecs.lookup(encoding).name.removesuffix("-sig")
    decoded = _checked(raw, name) if name in _UTF8 else _recoded(raw, name)
    return _without_mark(decoded)


def _checked(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """UTF-8 or ASCII: the bytes themselves, once they have proved to be what they should be."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    done = pending = 0
    for data in raw:
        if pending or not data.isascii():
            _decode(decoder, data, encoding, done - pending)
            pending = len(decoder.getstate()[0])
        done += len(data)
        yield data
    _decode(decoder, b"", encoding, done - pending, final=True)


def _recoded(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    done = 0
    for data in raw:
        if not done:
            _refuse_utf8(data, encoding)
        pending = len(decoder.getstate()[0])
        yield _utf8(_decode(decoder, data, encoding, done - pending), encoding)
        done += len(data)
    pending = len(decoder.getstate()[0])
    yield _utf8(_decode(decoder, b"", encoding, done - pending, final=True), encoding)


def _refuse_utf8(start: bytes, encoding: str) -> None:
    """Refuse a file that begins as UTF-8 where another encoding is declared that would find letters in it, too.

    No text comes out as UTF-8 by chance that has letters of three bytes, or of two where every byte is a letter.
    Raises UnreadableError.
    """
    if start.isascii():
        return
    try:
        text = codecs.getincrementaldecoder("utf-8")("strict").decode(start)
    except UnicodeDecodeError:
        return
    least = "\x80" if len(bytes(range(256)).decode(encoding, "replace")) == 256 else "\u0800"
    if max(text, default="") >= least:
        raise UnreadableError(
            f"the file is in UTF-8, the study file reads it as {encoding}; save it in that encoding, or have the study "
            "file say utf-8"
        )


def _decode(decoder: codecs.IncrementalDecoder, data: bytes, encoding: str, start: int, *, final: bool = False) -> str:
    try:
        return decoder.decode(data, final)
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"byte {start + error.start} is not text in the declared encoding {encoding}; "
            "save the file in that encoding, or have the study file name the right one"
        ) from None
    except UnicodeError:
        raise UnreadableError(
            f"the file is not text in the declared encoding {encoding}; save it in that encoding, "
            "or have the study file name the right one"
        ) from None


def _utf8(text: str, encoding: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UnreadableError(f"the file holds half characters that {encoding} cannot mean; save it again") from None


def _without_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    start = b""
    for data in chunks:
        start += data
        if len(start) >= len(codecs.BOM_UTF8):
            yield start.removeprefix(codecs.BOM_UTF8)
            break
    else:
        if rest := start.removeprefix(codecs.BOM_UTF8):
            yield rest
        return
    yield from chunks
