"""What happens to packed files: the bytes of the plain file → those of a `.gz` or a `.zip`."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile

from pipelines.landing.readers.packed import HARMLESS, MOST_MEMBERS
from tests.corpus.table import CANARY
from tests.landing.readers.examples import zipped


def _gz(content: bytes) -> bytearray:
    return bytearray(gzip.compress(content, mtime=0))


def gz_cut(content: bytes) -> bytes:
    return bytes(_gz(content)[:-20])


def gz_cut_in_its_header(content: bytes) -> bytes:
    return bytes(_gz(content)[:6])


def gz_with_another_sum(content: bytes) -> bytes:
    packed = _gz(content)
    packed[-8] ^= 1
    return bytes(packed)


def gz_flipped_bit(content: bytes) -> bytes:
    packed = _gz(content)
    packed[len(packed) // 2] ^= 4
    return bytes(packed)


def gz_not_packed(content: bytes) -> bytes:
    return content


def gz_of_nothing(_: bytes) -> bytes:
    return bytes(_gz(b""))


def gz_twice(content: bytes) -> bytes:
    return bytes(_gz(bytes(_gz(content))))


def gz_bomb(content: bytes) -> bytes:
    return bytes(_gz(content + b" " * HARMLESS))


def gz_with_something_behind(content: bytes) -> bytes:
    return bytes(_gz(content)) + CANARY.encode()


def zip_cut(content: bytes) -> bytes:
    return zipped({"f.csv": content})[:-30]


def zip_flipped_bit(content: bytes) -> bytes:
    packed = bytearray(zipped({"f.csv": content}))
    packed[60] ^= 4
    return bytes(packed)


def zip_not_packed(content: bytes) -> bytes:
    return content


def zip_of_nothing(_: bytes) -> bytes:
    return zipped({})


def zip_of_two(content: bytes) -> bytes:
    return zipped({"f.csv": content, "g.csv": content})


def zip_of_two_of_one_name(content: bytes) -> bytes:
    return zipped({"f.csv": content, "F.csv": content})


def zip_of_too_many(content: bytes) -> bytes:
    return zipped({f"{n}.csv": "" for n in range(MOST_MEMBERS + 1)})


def zip_of_a_zip(content: bytes) -> bytes:
    return zipped({"f.zip": zipped({"f.csv": content})})


def zip_upwards(content: bytes) -> bytes:
    return zipped({"../../f.csv": content})


def zip_absolute(content: bytes) -> bytes:
    return zipped({"/etc/f.csv": content})


def zip_of_a_drive(content: bytes) -> bytes:
    return zipped({"C:\\f.csv": content})


def zip_of_a_link(_: bytes) -> bytes:
    return _of_mode(stat.S_IFLNK, b"/etc/passwd")


def zip_of_a_device(content: bytes) -> bytes:
    return _of_mode(stat.S_IFCHR, content)


def _of_mode(mode: int, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo("f.csv")
        info.external_attr = (mode | 0o644) << 16
        archive.writestr(info, content)
    return made.getvalue()


def zip_locked(content: bytes) -> bytes:
    packed = bytearray(zipped({"f.csv": content}))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def zip_uncommon(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("f.csv", content)
    return made.getvalue()


def zip_bomb(content: bytes) -> bytes:
    return zipped({"f.csv": content + b" " * HARMLESS})


def zip_that_says_less(content: bytes) -> bytes:
    """Its two notes of the size agree, and are not true."""
    packed = bytearray(zipped({"f.csv": content}))
    for at in (22, packed.rindex(b"PK\x01\x02") + 24):
        packed[at : at + 4] = (10).to_bytes(4, "little")
    return bytes(packed)
