"""The store's rows as a trace: Arrow columns to numpy, text columns to codes, blocks numbered by use.

The plain twin is `model.build.trace_of`; a test holds the two equal over the same calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from costopt.model.leaf import LEAF_NAMES
from costopt.model.secrets import MAX_NAME_CHARS, NAME_TO_CHECK, safe_name
from costopt.model.trace import (
    DIMS,
    NO_TIME,
    Categorical,
    Ragged,
    SegmentTable,
    SourceFileInfo,
    Trace,
)
from costopt.store.resolve import choose
from costopt.store.sql import arrow, rows, run

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def load(connection: duckdb.DuckDBPyConnection, dataset: str | None) -> Trace:
    """The calls of one data set; for None the best copy of every call of all of them."""
    if dataset is None:
        table = _best_of_all(connection)
        files = rows(connection, "all_sources")
        rate = None
    else:
        table = arrow(connection, "calls_of_dataset", dataset=dataset)
        files = rows(connection, "sources_of", dataset=dataset)
        rate = rows(connection, "dataset_sample_rate", dataset=dataset)[0][0]
    infos = tuple(SourceFileInfo(*row) for row in files)
    return _trace(connection, table, infos, rate, dataset or "")


def _best_of_all(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    run(connection, "candidates_of_store")
    run(connection, "facts_of_store")
    choose(connection, rows(connection, "links_of_store"))
    table = arrow(connection, "calls_of_store")
    connection.unregister("wrappers")
    return table


def _trace(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, files: tuple[SourceFileInfo, ...],
    sample_rate: float | None, dataset: str,
) -> Trace:  # fmt: skip
    session, sessions = _codes(table["session"])
    request, response, used = _blocks(table)
    temperature = _numbers(table, "temperature", np.nan, np.float32)
    return Trace(
        key=np.column_stack([_numbers(table, n, 0, np.uint64) for n in ("key_hi", "key_lo")]),
        id=_texts(table, "id"),
        session=session,
        sessions=_safe(sessions),
        session_known=_flags(table, "session_known"),
        parent_id=_texts(table, "parent_id"),
        at_us=_numbers(table, "at_us", NO_TIME, np.int64),
        latency_ms=_numbers(table, "latency_ms", np.nan, np.float64),
        ttft_ms=_numbers(table, "ttft_ms", np.nan, np.float64),
        leaves=np.column_stack([_numbers(table, n, 0, np.int64) for n in LEAF_NAMES]),
        usage_state=_numbers(table, "usage_state", 0, np.int8),
        status=_numbers(table, "status", 0, np.int8),
        web_searches=_numbers(table, "web_searches", 0, np.int32),
        requests=_numbers(table, "requests", 1, np.int32),
        recorded_pusd=_numbers(table, "recorded_pusd", 0, np.int64),
        has_recorded=table["recorded_pusd"].is_valid().to_numpy(),
        byok=_flags(table, "byok"),
        max_tokens=_numbers(table, "max_tokens", -1, np.int32),
        temperature=temperature,
        stream=_flags(table, "stream"),
        step=steps(session),
        source_line=_numbers(table, "line", 0, np.int32),
        dims={name: categorical(table[name]) for name in DIMS},
        request=request,
        response=response,
        has_content=table["request"].is_valid().to_numpy(),
        segments=_segments(connection, used),
        extra=_extra(table["extra"]),
        metadata=_metadata(table["metadata"]),
        files=files,
        error=_texts(table, "error"),
        sample_rate=sample_rate,
        dataset=dataset,
        settings=_settings(connection, table["settings"]),
    )


def _numbers(table: pa.Table, name: str, missing: float, kind: Any) -> NDArray[Any]:  # [call]
    column = table[name].combine_chunks()
    if column.null_count:
        column = column.fill_null(missing)
    return np.array(column.to_numpy(zero_copy_only=False), kind)


def _flags(table: pa.Table, name: str) -> NDArray[np.bool_]:  # [call]
    return np.array(table[name].combine_chunks().to_numpy(zero_copy_only=False), np.bool_)


def _texts(table: pa.Table, name: str) -> tuple[str, ...]:
    return tuple(table[name].to_pylist())


def _codes(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], tuple[Any, ...]]:
    """Codes in order of first appearance, and their values."""
    found = column.combine_chunks().dictionary_encode()
    codes = np.array(found.indices.to_numpy(zero_copy_only=False), np.int32)
    return codes, tuple(found.dictionary.to_pylist())


def _safe(values: tuple[str, ...]) -> tuple[str, ...]:
    """The names with keys masked; most hold nothing to look at twice."""
    import pyarrow as pa
    import pyarrow.compute as compute

    names = pa.array(values, pa.string())
    odd = compute.or_(
        compute.match_substring_regex(names, NAME_TO_CHECK),
        compute.greater(compute.binary_length(names), MAX_NAME_CHARS),
    )
    out = list(values)
    for place in np.flatnonzero(odd.to_numpy(zero_copy_only=False)).tolist():
        out[place] = safe_name(out[place])
    return tuple(out)


def categorical(column: pa.ChunkedArray) -> Categorical:
    """As `model.build.categorical`: order of first appearance, "" always code 0."""
    codes, values = _codes(column)
    values = _safe(values)
    place = {"": 0}
    for value in values:
        place.setdefault(value, len(place))
    moved = np.array([place[v] for v in values], np.int32)
    return Categorical(moved[codes] if len(values) else codes, tuple(place))


def steps(session: NDArray[np.int32]) -> NDArray[np.int32]:  # [call]
    """1-based place of each call in its session."""
    order = np.argsort(session, kind="stable")
    ordered = session[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.concatenate((starts, [len(ordered)])))
    found = np.empty(len(session), np.int32)
    found[order] = np.arange(len(ordered)) - np.repeat(starts, counts) + 1
    return found


def _blocks(table: pa.Table) -> tuple[Ragged, Ragged, NDArray[np.uint64]]:
    """Blocks numbered by first use (all requests, then all answers), and the ids behind the numbers."""
    import pyarrow as pa

    found = [_uses(table, name) for name in ("request", "response")]
    ids = np.concatenate([ids for _, ids, _ in found])
    numbered = pa.array(ids).dictionary_encode()
    numbers = np.array(numbered.indices.to_numpy(zero_copy_only=False), np.int32)
    used = np.array(numbered.dictionary.to_numpy(zero_copy_only=False), np.uint64)
    middle = len(found[0][1])
    (offsets_in, _, flags_in), (offsets_out, _, flags_out) = found
    request = Ragged(offsets_in, numbers[:middle], flags_in)
    return request, Ragged(offsets_out, numbers[middle:], flags_out), used


def _uses(
    table: pa.Table, name: str
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint8]]:
    """Offsets by call, block ids and flags by use. NULL lists are empty, NULL flags are zeros."""
    import pyarrow.compute as pc

    column, marks = table[name].combine_chunks(), table[name + "_flags"].combine_chunks()
    lengths = np.array(pc.list_value_length(column).fill_null(0), np.int64)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    ids = np.array(column.flatten(), np.uint64)
    flags = np.zeros(len(ids), np.uint8)
    marked = np.array(marks.is_valid(), np.bool_)
    flags[np.repeat(marked, lengths)] = np.array(marks.flatten(), np.uint8)
    return offsets, ids, flags


def _segments(connection: duckdb.DuckDBPyConnection, used: NDArray[np.uint64]) -> SegmentTable:
    wanted(connection, used)
    table = arrow(connection, "segments_of_trace")
    connection.unregister("wanted")
    if table.num_rows != len(used):
        raise LookupError("a call names a block of text that the store does not hold")
    return SegmentTable(
        np.column_stack([_numbers(table, n, 0, np.uint64) for n in ("digest_hi", "digest_lo")]),
        _numbers(table, "kind", 0, np.int8),
        categorical(table["name"]),
        _numbers(table, "bytes", 0, np.int64),
        _numbers(table, "tokens", -1, np.int64),
        _flags(table, "has_text"),
    )


def _settings(connection: duckdb.DuckDBPyConnection, column: pa.ChunkedArray) -> Categorical:
    """As `model.build.categorical`. Not shown to anybody: nothing is masked."""
    codes, ids = _codes(column.fill_null(0))
    wanted(connection, np.array(ids, np.uint64))
    texts = [text for (text,) in rows(connection, "settings_of_trace")]
    connection.unregister("wanted")
    place = {"": 0}
    for text in texts:
        place.setdefault(text, len(place))
    moved = np.array([place[text] for text in texts], np.int32)
    return Categorical(moved[codes] if len(texts) else codes, tuple(place))


def wanted(connection: duckdb.DuckDBPyConnection, ids: NDArray[np.uint64]) -> None:
    """Bind the view `wanted`: block ids and their places."""
    import pyarrow as pa

    places = np.arange(len(ids), dtype=np.int64)
    connection.register("wanted", pa.table({"id": ids, "place": places}))


def _extra(column: pa.ChunkedArray) -> tuple[tuple[int, str, tuple[int, ...]], ...]:
    filled = np.flatnonzero(column.is_valid().to_numpy())
    texts = column.take(filled).to_pylist() if len(filled) else []
    return tuple(
        (int(row), model, tuple(leaves))
        for row, text in zip(filled.tolist(), texts, strict=True)
        for model, leaves in orjson.loads(text)
    )


def _metadata(column: pa.ChunkedArray) -> dict[str, Categorical]:
    """One text column for each name; each distinct record is parsed once."""
    codes, texts = _codes(column.fill_null("{}"))
    parsed = [_mapping(text) for text in texts]
    names = sorted({name for mapping in parsed for name in mapping})
    return {name: _column_of(codes, [m.get(name, "") for m in parsed]) for name in names}


def _mapping(text: str) -> dict[str, str]:
    try:
        found: dict[str, str] = orjson.loads(text)
    except ValueError:  # a lone surrogate's escape, which only the standard parser takes
        import json

        found = json.loads(text)
    return found


def _column_of(codes: NDArray[np.int32], values: Iterable[str]) -> Categorical:
    """Distinct records in order of first appearance give codes in that order too."""
    place = {"": 0}
    moved = [place.setdefault(v, len(place)) for v in values]
    return Categorical(np.array(moved, np.int32)[codes] if moved else codes, tuple(place))
