"""Files that a command writes: made with their folder, and what the disk refuses is a sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from costopt.errors import UsageError
from costopt.wiring.reading import tell


def write_text(path: Path, text: str, *, quiet: bool) -> None:
    """Write a file and say so on stderr; `-` is stdout. Raises UsageError."""
    if str(path) == "-":
        sys.stdout.write(text)
        return
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    tell(f"wrote {path}", quiet=quiet)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What the disk refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror}.", where=str(path)) from error
