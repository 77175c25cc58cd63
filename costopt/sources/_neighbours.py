"""The requests of a batch, found in the files that lie beside its results.

Results name a request only by `custom_id`, which is unique inside one input file: an id that two files
hold is left unjoined. Only offsets are kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from costopt.sources.lines import parse

Body = dict[str, Any]
_MAX_FILES = 200
_HEAD_BYTES = 4096


class BatchRequests:
    """Request bodies by `custom_id`, read from disk when asked for."""

    def __init__(
        self, results: Path | None, request_in: Callable[[Mapping[str, Any]], Body | None]
    ) -> None:
        self._request_in = request_in
        self._where: dict[str, tuple[Path, int] | None] = {}
        if results is not None and results.parent.is_dir():
            beside = sorted(p for p in results.parent.glob("*.jsonl") if p != results)
            for path in beside[:_MAX_FILES]:
                self._index(path)

    def _index(self, path: Path) -> None:
        try:
            with path.open("rb") as stream:
                if b'"custom_id"' not in stream.read(_HEAD_BYTES):
                    return
                stream.seek(0)
                offset = 0
                for line in stream:
                    self._note(path, offset, line)
                    offset += len(line)
        except OSError:
            return

    def _note(self, path: Path, offset: int, line: bytes) -> None:
        row = _object(line)
        if row is None or self._request_in(row) is None:
            return
        key = str(row.get("custom_id"))
        self._where[key] = None if key in self._where else (path, offset)

    def get(self, custom_id: str) -> Body | None:
        """The request body of an id; None where no file beside has it, or several have."""
        place = self._where.get(custom_id)
        if place is None:
            return None
        with place[0].open("rb") as stream:
            stream.seek(place[1])
            row = _object(stream.readline())
        return self._request_in(row) if row else None


def _object(line: bytes) -> Body | None:
    try:
        row = parse(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
