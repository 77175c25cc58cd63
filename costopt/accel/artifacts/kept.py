"""Rows made once and kept by their digest: vectors of texts, compressed texts, labels.

With a folder they stay between runs, as Parquet files that are only ever added; a file that cannot be
read (a broken disk, another version) is left out, and its rows are made again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

FILES = 32
"""So many files of one kind are put together into one: reading many small ones is slow."""


class Kept:
    """Values by (name, digest). `folder`: None keeps them in memory only."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._tables: dict[str, tuple[dict[bytes, int], Any]] = {}
        self.made = 0
        """Rows that had to be made."""

    def through(
        self, name: str, keys: Sequence[bytes], make: Callable[[list[int]], Any]
    ) -> Any:  # pyarrow.ChunkedArray [key]
        """Values in the order of `keys`; `make` is given the places in `keys` of what is not there yet.

        `name` says what made them, model and version included: another name is another value.
        """
        import pyarrow as pa

        places, values = self._table(name)
        new = _first_places(keys, places)
        if new:
            made = make(new)
            self.made += len(new)
            fresh = [keys[i] for i in new]
            before = 0 if values is None else len(values)
            places.update({key: before + i for i, key in enumerate(fresh)})
            chunks = [made] if values is None else [*values.chunks, made]
            values = pa.chunked_array(chunks)
            self._tables[name] = (places, values)
            self._write(name, fresh, made)
        if values is None:
            return None
        return values.take(pa.array([places[key] for key in keys], pa.int64()))

    def _table(self, name: str) -> tuple[dict[bytes, int], Any]:
        if name not in self._tables:
            self._tables[name] = self._read(name)
        return self._tables[name]

    def _files(self, name: str) -> list[Path]:
        folder = self._folder_of(name)
        return [] if folder is None or not folder.is_dir() else sorted(folder.glob("*.parquet"))

    def _folder_of(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / _file_name(name)

    def _read(self, name: str) -> tuple[dict[bytes, int], Any]:
        import pyarrow as pa

        tables = [t for t in map(_table_of, self._files(name)) if t is not None]
        if not tables:
            return {}, None
        try:
            whole = pa.concat_tables(tables)
        except pa.ArrowInvalid:  # files of two widths or types: none is trusted
            return {}, None
        # Of a key written twice (two runs at once) either row will do: they are the same.
        places = {key: i for i, key in enumerate(whole["key"].to_pylist())}
        return places, whole["value"]

    def _write(self, name: str, keys: list[bytes], values: Any) -> None:
        """A new file, whole or not at all. A folder that cannot be written to keeps nothing."""
        folder = self._folder_of(name)
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_file(folder, keys, values)
            if len(self._files(name)) > FILES:
                self._put_together(name, folder)
        except OSError:
            self._folder = None

    def _put_together(self, name: str, folder: Path) -> None:
        old = self._files(name)
        places, values = self._tables[name]
        order = sorted(places, key=lambda key: places[key])
        import pyarrow as pa

        rows = values.take(pa.array([places[key] for key in order], pa.int64()))
        _write_file(folder, order, rows.combine_chunks())
        for path in old:
            path.unlink(missing_ok=True)


def _first_places(keys: Sequence[bytes], there: dict[bytes, int]) -> list[int]:
    """Places of keys that are not there, each distinct key once."""
    seen: dict[bytes, int] = {}
    for i, key in enumerate(keys):
        if key not in there and key not in seen:
            seen[key] = i
    return list(seen.values())


def _table_of(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        return None
    return table if table.column_names == ["key", "value"] else None


def _write_file(folder: Path, keys: list[bytes], values: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"key": pa.array(keys, pa.binary()), "value": values})
    part = folder / f".{uuid4().hex}.part"
    pq.write_table(table, part)
    part.replace(folder / f"{uuid4().hex}.parquet")


def _file_name(name: str) -> str:
    """A name that every file system takes, and that no other name shares."""
    import xxhash

    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].strip("-.")
    return f"{plain}-{xxhash.xxh3_64_hexdigest(name.encode('utf-8', 'surrogatepass'))}"
