"""The contract of a source, and what it is given to read.

One file, one format. `sniff` looks at the first 64 KB; `read` streams the records. A bad record is
yielded as `Rejected(line, reason)`, one that is no model call as `Skipped`; nothing is dropped and
nothing raises. The module's docstring is the format's page (`costopt explain NAME`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from costopt.model.call import Record

HEAD_BYTES = 65_536


class Confidence(IntEnum):
    """How sure a source is after the head. The highest wins; a tie is broken by name, and said."""

    NO = 0
    WEAK = 1
    """Could be read, but names nothing of its own (a generic JSONL with a usage somewhere)."""
    LIKELY = 2
    SURE = 3
    """Carries a signature that no other format has."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a file, decompressed, for `sniff`."""

    name: str
    """Path as given, with the member's name for an archive: a hint only."""
    data: bytes
    truncated: bool
    """True: the file goes on, so the last line or document is cut."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One readable stream: a plain file, a decompressed one, a member of an archive, or stdin."""

    name: str
    """What messages and the ledger's `source_file` show."""
    open: Callable[[], BinaryIO]
    """A fresh stream of the decompressed bytes; may be called more than once except for stdin."""
    path: Path | None = None
    """The file on disk where there is one (folder formats look at its neighbours)."""
    options: dict[str, str] = field(default_factory=dict)


class Source(Protocol):
    """Implemented by one class in `sources/<name>.py`, exported there as `SOURCE`."""

    name: str
    """The format's name: `--input-format NAME`; equals the file name with `-` for `_`."""
    title: str
    """What people call it: "LangSmith runs"."""

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """How sure, and why (or why not): shown when nothing fits."""
        ...

    def read(self, file: SourceFile) -> Iterator[Record]:
        """Stream the file's records. Never raises on content; I/O errors pass through."""
        ...
