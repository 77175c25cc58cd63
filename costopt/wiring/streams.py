"""TRACES to record streams: each file under the format that its first bytes show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from costopt.errors import InputError
from costopt.model.call import Record
from costopt.report.words import plural
from costopt.sources.base import Source, SourceFile
from costopt.sources.detect import source_of
from costopt.sources.files import source_files


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file of a folder or an archive that no format fits: not read, but never in silence."""

    path: str
    why: str
    """Every format with its reason."""


@dataclass(slots=True)
class FileStream:
    """One file under its format: a `RecordStream` that knows how far it is."""

    file: SourceFile
    source: Source
    opened: BinaryIO | None = None

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def format(self) -> str:
        return self.source.name

    def read(self) -> Iterator[Record]:
        """The file's records. Raises InputError where the disk or the packing fails."""
        try:
            yield from self.source.read(replace(self.file, open=self._open))
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"Cannot read it: {reason}.", where=self.name) from error

    def _open(self) -> BinaryIO:
        self.opened = self.file.open()
        return self.opened

    def done_bytes(self) -> int:
        """How much of the file on disk is read, as far as it tells."""
        if self.opened is None or self.opened.closed:
            return 0
        try:
            return self.opened.tell()
        except (OSError, ValueError):  # packed: its place on disk is not known
            return 0


@dataclass(slots=True)
class Streams:
    """All files to be read, in order; iterating reads them once."""

    streams: list[FileStream]
    skipped: list[SkippedFile] = field(default_factory=list)
    _at: int = 0

    def __iter__(self) -> Iterator[FileStream]:
        for self._at, stream in enumerate(self.streams):  # noqa: B020
            yield stream
        self._at = len(self.streams)

    def fraction(self) -> float | None:
        """Share of the bytes that are read; None where the size is not known."""
        sizes = [_size(s) for s in self.streams]
        if not sum(sizes):
            return None
        done = sum(sizes[: self._at])
        if self._at < len(sizes):
            done += min(sizes[self._at], self.streams[self._at].done_bytes())
        return done / sum(sizes)


def _size(stream: FileStream) -> int:
    path = stream.file.path
    try:
        return path.stat().st_size if path is not None else 0
    except OSError:
        return 0


def streams_of(traces: Sequence[str], input_format: str = "") -> Streams:
    """Find the format of every file.

    A file that was named and fits no format is an InputError; one found in a folder is skipped, unless
    none fits at all.
    """
    found = Streams([])
    for file in source_files(traces):
        try:
            source, _ = source_of(file, input_format)
        except InputError as error:
            if "walked" not in file.options or not error.message.startswith("No format"):
                raise _empty(file) or error from None
            found.skipped.append(SkippedFile(file.name, error.message))
            continue
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"Cannot read it: {reason}.", where=file.name) from error
        found.streams.append(FileStream(file, source))
    if not found.streams:
        raise _nothing(traces, found.skipped)
    return found


def _empty(file: SourceFile) -> InputError | None:
    """For a file without a byte in it, packed or not: no format is to blame."""
    try:
        with file.open() as opened:
            if opened.read(1):
                return None
    except (OSError, EOFError):
        return None
    return InputError("The file is empty.", where=file.name)


def _nothing(traces: Sequence[str], skipped: Sequence[SkippedFile]) -> InputError:
    where = ", ".join(traces)
    if not skipped:
        return InputError("There is nothing to read here.", where=where)
    first = skipped[0]
    more = f"\nand {plural(len(skipped) - 1, 'more file')}" if len(skipped) > 1 else ""
    return InputError(
        f"No file here has a known format. {Path(first.path).name}: {first.why}{more}",
        where=where,
        hint="If you know the format: --input-format NAME.  About one: costopt explain NAME",
    )
