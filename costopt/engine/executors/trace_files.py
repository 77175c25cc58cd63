"""A part of a trace as Parquet files: calls, their blocks, and the segments that all parts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.model.ports import Texts
from costopt.model.trace import Categorical, Ragged, SegmentTable, Trace

_TEXT_ROWS = 50_000
"""Texts fetched and written at a time."""
_LISTS = ("id", "parent_id", "error")
Columns = dict[str, NDArray[Any]]


def write_trace(trace: Trace, folder: Path, more: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Calls and blocks into the folder; gives what is no column. `more`: further [call] columns."""
    columns: Columns = {f"more.{name}": array for name, array in more.items()}
    rest: dict[str, Any] = {"dims": {}, "metadata": {}}
    for field in fields(trace):
        value = getattr(trace, field.name)
        if isinstance(value, np.ndarray):
            columns |= _columns(field.name, value)
        elif field.name in ("dims", "metadata"):
            columns |= {f"{field.name}.{name}": c.codes for name, c in value.items()}
            rest[field.name] = {name: c.values for name, c in value.items()}
        elif field.name == "settings":
            columns[field.name], rest[field.name] = value.codes, value.values
        elif field.name not in ("request", "response", "segments", *_LISTS):
            rest[field.name] = value
    _write(folder / "calls.parquet", columns, {n: getattr(trace, n) for n in _LISTS})
    for name in ("request", "response"):
        block: Ragged = getattr(trace, name)
        _write(folder / f"{name}.parquet", {"ids": block.ids, "flags": block.flags})
        _write(folder / f"{name}_lengths.parquet", {"lengths": block.lengths})
    return rest


def read_trace(folder: Path, segments: SegmentTable, rest: dict[str, Any]) -> tuple[Trace, Columns]:
    """(the trace, the further columns) as they were written."""
    columns, lists = _read(folder / "calls.parquet", _LISTS)
    values: dict[str, Any] = {**rest, **lists, "segments": segments}
    for name in ("dims", "metadata"):
        texts = rest[name]
        values[name] = {n: Categorical(columns.pop(f"{name}.{n}"), v) for n, v in texts.items()}
    values["settings"] = Categorical(columns.pop("settings"), rest["settings"])
    for name in ("request", "response"):
        block = _read(folder / f"{name}.parquet")[0]
        lengths = _read(folder / f"{name}_lengths.parquet")[0]["lengths"]
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        values[name] = Ragged(offsets, block["ids"], block["flags"])
    more = {n.removeprefix("more."): columns.pop(n) for n in list(columns) if n[:5] == "more."}
    for field in fields(Trace):
        if field.name not in values:
            values[field.name] = _joined(field.name, columns)
    return Trace(**values), more


def write_segments(segments: SegmentTable, folder: Path) -> tuple[str, ...]:
    """The segment table; gives the names of tools."""
    columns = {"name": segments.name.codes}
    for field in fields(segments):
        value = getattr(segments, field.name)
        if isinstance(value, np.ndarray):
            columns |= _columns(field.name, value)
    _write(folder / "segments.parquet", columns)
    return segments.name.values


def read_segments(folder: Path, names: tuple[str, ...]) -> SegmentTable:
    columns = _read(folder / "segments.parquet")[0]
    return SegmentTable(
        _joined("digest", columns), columns["kind"], Categorical(columns["name"], names),
        columns["n_bytes"], columns["tokens"], columns["has_text"],
    )  # fmt: skip


def write_texts(texts: Texts, segments: int, folder: Path) -> None:
    """Texts of all segments, as bytes: broken surrogates of a log survive."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("text", pa.large_binary())])
    with pq.ParquetWriter(folder / "texts.parquet", schema) as out:
        for start in range(0, segments, _TEXT_ROWS):
            found = texts.get(np.arange(start, min(start + _TEXT_ROWS, segments), dtype=np.int32))
            rows = [None if t is None else t.encode("utf-8", "surrogatepass") for t in found]
            out.write_table(pa.table({"text": pa.array(rows, pa.large_binary())}, schema))


class FileTexts:
    """`Texts` out of `texts.parquet`, read when the first one is asked for."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "texts.parquet"
        self._column: Any = None

    def get(self, segments: Any) -> list[str | None]:
        if self._column is None:
            import pyarrow.parquet as pq

            self._column = pq.read_table(self._path).column("text").combine_chunks()
        found = self._column.take(np.asarray(segments, np.int64)).to_pylist()
        return [None if t is None else t.decode("utf-8", "surrogatepass") for t in found]


def _columns(name: str, array: NDArray[Any]) -> Columns:
    """One column, or one for each place of the second axis."""
    if array.ndim == 1:
        return {name: array}
    return {f"{name}.{i}": np.ascontiguousarray(array[:, i]) for i in range(array.shape[1])}


def _joined(name: str, columns: Columns) -> NDArray[Any]:
    if name in columns:
        return columns[name]
    parts = [n for n in columns if n.rpartition(".")[0] == name]
    return np.stack([columns[f"{name}.{i}"] for i in range(len(parts))], axis=1)


def _write(
    path: Path, columns: Columns, lists: Mapping[str, tuple[str, ...]] | None = None
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {name: pa.array(array) for name, array in columns.items()}
    for name, texts in (lists or {}).items():
        if texts:
            rows = [t.encode("utf-8", "surrogatepass") for t in texts]
            table[name] = pa.array(rows, pa.large_binary())
    pq.write_table(pa.table(table), path, compression="lz4", use_dictionary=False)


def _read(path: Path, lists: tuple[str, ...] = ()) -> tuple[Columns, dict[str, tuple[str, ...]]]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    texts: dict[str, tuple[str, ...]] = {}
    for name in lists:
        rows = table.column(name).to_pylist() if name in table.column_names else []
        texts[name] = tuple(t.decode("utf-8", "surrogatepass") for t in rows)
    numbers = [name for name in table.column_names if name not in lists]
    return {n: np.ascontiguousarray(table.column(n).to_numpy()) for n in numbers}, texts
