"""A file as it was sent: plain, as `.gz`, or as a member of a `.zip`. Unpacking has its limits and trusts no name."""

from __future__ import annotations

import gzip
import stat
import tempfile
import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from os import SEEK_END
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pipelines.landing.readers.table import UnreadableError

CHUNK = 8 << 20
MOST_BYTES = 500_000_000
MOST_MEMBERS = 1_000
HIGHEST_RATIO = 100
HARMLESS = 16 << 20  # bytes up to which no ratio is asked: a small file of like rows packs very well
_GZIP = b"\x1f\x8b"  # how such a file begins
_AGAIN = "; send it again, or send it unpacked"
_ZIP_FAULTS = (BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


def bare_name(file_name: str) -> str:
    """The name without the ending that says how the file is packed."""
    return file_name[: -len(ending)] if (ending := _packing(file_name)) else file_name


def raw_chunks(path: Path, file_name: str, member: str | None = None, chunk: int = CHUNK) -> Iterator[bytes]:
    """The unpacked bytes. `member` is the pattern of the one file to take from a `.zip` that holds several.

    Raises UnreadableError.
    """
    packing = _packing(file_name)
    if packing and _packing(bare_name(file_name)):
        raise _packed_twice()
    if packing == ".zip":
        return _from_zip(path, member, chunk)
    return _from_gzip(path, chunk) if packing else _plain(path, chunk)


def whole_file(path: Path, file_name: str, member: str | None = None) -> Path | IO[bytes]:
    """What a library that must move about in a file is given: its path, or, of a packed one, the unpacked
    bytes in a temporary file that has no name and goes with the last reference to it. Raises UnreadableError."""
    if not _packing(file_name):
        return path
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is the caller's, for as long as the table is read
    done = 0
    for data in raw_chunks(path, file_name, member):
        done += len(data)
        if done > MOST_BYTES:
            raise _too_large()
        file.write(data)
    file.seek(0)
    return file


def opened(source: Path | IO[bytes]) -> IO[bytes]:
    """`source` at its beginning. What belongs to the temporary file is not to be closed."""
    if isinstance(source, Path):
        return source.open("rb")
    source.seek(0)
    return source


def size(source: Path | IO[bytes]) -> int:
    return source.stat().st_size if isinstance(source, Path) else source.seek(0, SEEK_END)


def _packing(file_name: str) -> str:
    ending = file_name[file_name.rfind(".") :].lower() if "." in file_name else ""
    return ending if ending in (".gz", ".zip") else ""


def _plain(path: Path, chunk: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(chunk):
            yield data


def _within_ratio(done: int, packed: int) -> None:
    if done > max(HARMLESS, HIGHEST_RATIO * packed):
        raise UnreadableError(
            f"the file unpacks to more than {HIGHEST_RATIO} times its size, as no table of data does; send it unpacked"
        )


def _too_large() -> UnreadableError:
    return UnreadableError(
        f"the file unpacks to more than {MOST_BYTES // 1_000_000} MB; send it in parts, or send it unpacked"
    )


def _packed_twice() -> UnreadableError:
    return UnreadableError("the file is packed twice; pack it once, as .gz or .zip, or send it unpacked")


def _from_gzip(path: Path, chunk: int) -> Iterator[bytes]:
    done, packed = 0, path.stat().st_size
    try:
        with gzip.open(path, "rb") as file:
            while data := file.read(chunk):
                if not done and data.startswith(_GZIP):
                    raise _packed_twice()
                done += len(data)
                _within_ratio(done, packed)
                yield data
    except EOFError:
        raise UnreadableError(
            f"the gzip file is cut off: it ends without its closing mark, after {done} unpacked bytes; "
            "send it again whole"
        ) from None
    except (gzip.BadGzipFile, zlib.error):
        raise UnreadableError(
            f"the name says gzip, but the file is not a sound gzip file (unpacked so far: {done} bytes)" + _AGAIN
        ) from None


def _from_zip(path: Path, member: str | None, chunk: int) -> Iterator[bytes]:
    try:
        archive = ZipFile(path)
    except _ZIP_FAULTS:
        raise UnreadableError("the name says zip, but the file is not a sound zip file" + _AGAIN) from None
    done, packed = 0, path.stat().st_size
    with archive:
        info = _chosen(checked_members(archive), member)
        try:
            with archive.open(info) as file:
                while data := file.read(chunk):
                    done += len(data)
                    _within_ratio(done, packed)
                    yield data
        except _ZIP_FAULTS:
            raise UnreadableError(f"the zip file is damaged (unpacked so far: {done} bytes)" + _AGAIN) from None


def checked_members(archive: ZipFile) -> list[ZipInfo]:
    """The files in an archive that is fit to be unpacked. Raises UnreadableError."""
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise UnreadableError(f"the zip file holds more than {MOST_MEMBERS:,} files; send the one with the data")
    if len({info.filename.casefold() for info in infos}) < len(infos):  # some readers see no capital letters
        raise UnreadableError("the zip file holds two files of one name; send the one with the data")
    for info in infos:
        _check_member(info)
    files = [info for info in infos if not info.is_dir()]
    if sum(info.file_size for info in files) > MOST_BYTES:
        raise _too_large()
    return files


def _check_member(info: ZipInfo) -> None:
    name = info.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or name[1:2] == ":":
        raise UnreadableError(
            "the zip file holds a name that points outside it (absolute, or with ..); pack the file by itself"
        )
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnreadableError("the zip file holds a link or a device; pack the file itself")
    if info.flag_bits & 1:
        raise UnreadableError("the zip file is locked with a password; pack it without one")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise UnreadableError("the zip file is compressed in an uncommon way; pack it with the ordinary one (deflate)")


def _chosen(files: list[ZipInfo], member: str | None) -> ZipInfo:
    # macOS packs its own notes on each file beside it.
    found = [f for f in files if not f.filename.startswith("__MACOSX/") and not f.filename.endswith(".DS_Store")]
    if member is not None:
        found = [f for f in found if fnmatchcase(f.filename, member)]
    if len(found) == 1:
        if _packing(found[0].filename):
            raise _packed_twice()
        return found[0]
    if member is not None:
        raise UnreadableError(
            f"the zip file holds {len(found)} files of the name {member} that the study file gives, not one; "
            "send exactly that one, or have `member` corrected in the study file"
        )
    raise UnreadableError(
        f"the zip file holds {len(found)} files, not one; send the one with the data, or have the study file "
        "name it with `member`"
    )
