"""TRACES to streams: files, folders, globs, stdin, and what is packed in .gz, .zst, .zip or .eval.

Everything is streamed. A packed file that grows beyond all reason is refused with an error, and so is
nothing else: links are followed, a loop of them once.
"""

from __future__ import annotations

import glob
import gzip
import io
import os
import stat
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from costopt.errors import InputError, nearest
from costopt.sources.base import HEAD_BYTES, Head, SourceFile

MAX_UNPACKED_BYTES = 64 * 2**30
# Text logs pack 5 to 100 times, extreme repetition some hundred times; a bomb 1,000 and more.
MAX_RATIO = 500
RATIO_FREE_BYTES = 2**30
MAX_MEMBERS = 200_000

_SKIPPED_FOLDERS = frozenset(
    (".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__", ".costopt")
)
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"


def source_files(traces: Iterable[str], *, stdin: BinaryIO | None = None) -> Iterator[SourceFile]:
    """Every readable stream of TRACES; folders and archives in the order of their names.

    A file reached twice (by a link, or named twice) comes once. `options["walked"]` is set on files
    that were found in a folder or an archive rather than named. Raises InputError for what is not there.
    """
    seen: set[tuple[int, int]] = set()
    for name in traces:
        if name == "-":
            yield _once("<stdin>", stdin or sys.stdin.buffer, owned=False)
            continue
        for path, walked in _paths(name):
            info = path.stat()
            if (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                yield from _streams(path, walked, info.st_mode)


def _paths(name: str) -> Iterator[tuple[Path, bool]]:
    path = Path(name).expanduser()
    if path.is_dir():
        found = 0
        for inner in _walk(path):
            found += 1
            yield inner, True
        if not found:
            raise InputError("There is no file in this folder.", where=name)
    elif path.exists():
        yield path, False
    else:
        yield from _globbed(name, path)


def _globbed(name: str, path: Path) -> Iterator[tuple[Path, bool]]:
    # Path.glob takes no absolute pattern.
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
    if not matches:
        raise InputError("There is no such file or folder.", where=name, hint=_near(path))
    for match in matches:
        inner = Path(match)
        yield from ((p, True) for p in _walk(inner)) if inner.is_dir() else [(inner, False)]


def _near(path: Path) -> str:
    try:
        names = sorted(p.name for p in path.parent.iterdir())
    except OSError:
        return f"The folder {path.parent} is not there either."
    return nearest(path.name, names) or "Give a file, a folder, a glob, or - for standard input."


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files below a folder, sorted; links to folders are followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    found: list[Path] = []
    for root, folders, names in os.walk(folder, followlinks=True):
        info = Path(root).stat()
        if (info.st_dev, info.st_ino) in seen:
            folders.clear()
            continue
        seen.add((info.st_dev, info.st_ino))
        folders[:] = [f for f in folders if f not in _SKIPPED_FOLDERS]
        found += [p for p in (Path(root) / n for n in names) if p.is_file()]
    yield from sorted(found)


def _streams(path: Path, walked: bool, mode: int) -> Iterator[SourceFile]:
    options = {"walked": "1"} if walked else {}
    if not stat.S_ISREG(mode):  # a pipe from the shell: `costopt audit <(zcat old.gz)`
        yield _once(str(path), path.open("rb"), owned=True)
        return
    try:
        with path.open("rb") as raw:
            packed = raw.read(4) == _ZIP and zipfile.is_zipfile(path)
    except OSError as error:
        raise InputError(f"Cannot read it: {error.strerror}.", where=str(path)) from error
    if packed:
        yield from _members(path)
    else:
        yield SourceFile(str(path), lambda: _unpacked(path.open("rb"), str(path)), path, options)


def _members(path: Path) -> Iterator[SourceFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [i for i in archive.infolist() if not i.is_dir()]
    except zipfile.BadZipFile as error:
        raise InputError(f"Not a readable archive: {error}.", where=str(path)) from error
    if len(inside) > MAX_MEMBERS:
        raise InputError(f"The archive holds {len(inside):,} files.", where=str(path))
    for info in sorted(inside, key=lambda i: i.filename):
        name = f"{path}/{info.filename}"
        yield SourceFile(name, _member_opener(path, info, name), path, {"walked": "1"})


def _member_opener(path: Path, info: zipfile.ZipInfo, name: str) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        try:
            archive = zipfile.ZipFile(path)
            raw = archive.open(info)
        except (RuntimeError, zipfile.BadZipFile) as error:
            raise InputError(f"Cannot unpack it: {error}.", where=name) from error
        capped = _Capped(cast(BinaryIO, raw), archive, name, lambda: info.compress_size)
        return _unpacked(cast(BinaryIO, io.BufferedReader(capped, 1 << 20)), name)

    return opened


def _unpacked(raw: BinaryIO, name: str) -> BinaryIO:
    """The stream behind gzip or zstd, told by its first bytes; else the stream as it is."""
    buffered = (
        raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
    )
    magic = buffered.peek(4)[:4]
    if magic[:2] == _GZIP:
        inner = cast(BinaryIO, gzip.GzipFile(fileobj=buffered))
    elif magic == _ZSTD:
        import zstandard

        inner = cast(
            BinaryIO, zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True)
        )
    else:
        return cast(BinaryIO, buffered)
    position = buffered.tell if buffered.seekable() else (lambda: RATIO_FREE_BYTES)
    return cast(BinaryIO, io.BufferedReader(_Capped(inner, buffered, name, position), 1 << 20))


class _Capped(io.RawIOBase):
    """Counts what comes out of a decompressor, and stops a bomb."""

    def __init__(
        self,
        inner: BinaryIO,
        below: IO[bytes] | zipfile.ZipFile,
        name: str,
        packed: Callable[[], int],
    ) -> None:
        self._inner, self._below, self._name, self._packed_bytes = inner, below, name, packed
        self._out_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._inner.read(len(buffer))
        except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
            raise InputError(f"The packed file is damaged: {error}.", where=self._name) from error
        except Exception as error:  # zlib.error, zstandard.ZstdError, lzma: all mean the same here
            raise InputError(f"Cannot unpack it: {error}.", where=self._name) from error
        buffer[: len(data)] = data
        self._out_bytes += len(data)
        self._check()
        return len(data)

    def _check(self) -> None:
        out = self._out_bytes
        if out <= RATIO_FREE_BYTES:
            return
        if out > MAX_UNPACKED_BYTES or out > MAX_RATIO * max(1, self._packed_bytes()):
            raise InputError(
                f"The packed file unpacks to more than {out >> 30} GiB, far more than a log would.",
                where=self._name,
                hint="Unpack it yourself if you trust it, and give the plain file.",
            )

    def close(self) -> None:
        self._inner.close()
        self._below.close()  # a decompressor leaves what it reads from open
        super().close()


def _once(name: str, raw: BinaryIO, *, owned: bool) -> SourceFile:
    """A stream that cannot be opened again: its head is kept for detection."""
    stream: list[BinaryIO] = []
    head: list[bytes] = []

    def opened() -> BinaryIO:
        if not stream:
            stream.append(_unpacked(raw, name))
            head.append(_read_up_to(stream[0], HEAD_BYTES + 1))
            if head[0][:4] == _ZIP:
                raise InputError(
                    "An archive cannot be read from a pipe.", where=name, hint="Give its path."
                )
        return cast(BinaryIO, io.BufferedReader(_Joined(head[0], stream[0], owned), 1 << 20))

    return SourceFile(name, opened)


class _Joined(io.RawIOBase):
    """Bytes already read, then the rest of their stream."""

    def __init__(self, head: bytes, rest: BinaryIO, owned: bool) -> None:
        self._head, self._rest, self._owned = memoryview(head), rest, owned

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._head:
            size = min(len(buffer), len(self._head))
            buffer[:size] = self._head[:size]
            self._head = self._head[size:]
            return size
        # What is there now: waiting for a full buffer would keep Ctrl-C waiting too.
        read = getattr(self._rest, "read1", self._rest.read)
        data = b"" if self._rest.closed else read(len(buffer))
        buffer[: len(data)] = data
        if not data and self._owned:
            self._rest.close()
        return len(data)


def _read_up_to(stream: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def head_of(file: SourceFile) -> Head:
    """The first bytes of a file, for `sniff`."""
    stream = file.open()
    data = _read_up_to(stream, HEAD_BYTES + 1)
    if file.path is not None:  # a pipe has to stay open
        stream.close()
    return Head(file.name, data[:HEAD_BYTES], len(data) > HEAD_BYTES)


def plain_name(name: str) -> str:
    """A file's own name without folder and packing: the same for a copy and for its .gz."""
    last = name.replace("\\", "/").rpartition("/")[2]
    for packing in (".gz", ".zst", ".zip"):
        last = last.removesuffix(packing)
    return last
