"""Rows of CSV and Parquet exports as plain objects, a batch at a time.

A cell stays what the file holds: CSV cells are text (an empty one is None), Parquet cells keep their
types, times become ISO text and exact decimals become text. Line numbers are the row's first line in a
CSV, and the row's number in Parquet.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from costopt.sources.base import Head, SourceFile
from costopt.sources.lines import MAX_LINE_BYTES, Parsed, rejected

PARQUET = b"PAR1"
PARQUET_BATCH_ROWS = 512
_DELIMITERS = ",;\t"


def csv_header(head: Head) -> list[str]:
    """Column names in the first line of a CSV; empty: the file is none, or its first line is cut."""
    decoded = head.data.decode(_encoding(head.data), "replace").lstrip()
    first, newline, _ = decoded.partition("\n")
    if head.data[:4] == PARQUET or first[:1] in ("{", "[") or (head.truncated and not newline):
        return []
    return _cells(first)


def _encoding(start: bytes) -> str:
    wide = start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return "utf-16" if wide else "utf-8-sig"


def _cells(line: str) -> list[str]:
    try:
        row = next(csv.reader([line], delimiter=_delimiter(line)), [])
    except csv.Error:
        return []
    return [name.strip() for name in row] if len(row) > 1 else []


def _delimiter(line: str) -> str:
    """Spreadsheets of some countries write semicolons."""
    return max(_DELIMITERS, key=line.count)


def csv_rows(stream: BinaryIO) -> Iterator[Parsed]:
    """Each row as {column: text or None}. Of two columns of one name the first counts."""
    peek = getattr(stream, "peek", None)
    encoding = _encoding(peek(2)[:2] if peek else b"")
    # A cell of a log holds a whole prompt; the limit is one for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    lines = io.TextIOWrapper(stream, encoding, "replace", newline="")
    try:
        first = next((line for line in lines if line.strip()), "")
        reader = csv.reader(lines, delimiter=_delimiter(first))
        yield from _numbered(reader, _cells(first.strip("\r\n")))
    finally:
        lines.detach()  # the stream is the caller's to close


def _numbered(reader: Any, names: list[str]) -> Iterator[Parsed]:
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    while True:
        line = reader.line_num + 2
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, rejected(line, f"not CSV: {error}")
            continue
        if len(row) == len(names):
            yield line, {name: row[place] or None for name, place in places.items()}
        elif any(row):
            reason = f"{len(row)} cells, and the header has {len(names)}"
            yield line, rejected(line, reason, row)


def parquet_names(head: Head) -> list[str]:
    """Column names of a Parquet file. They stand at its end: empty where that cannot be reached."""
    return list(_parquet_names(head.name, head.data, head.truncated)) if is_parquet(head) else []


def is_parquet(head: Head) -> bool:
    """By the first four bytes."""
    return head.data[:4] == PARQUET


@lru_cache(maxsize=4)
def _parquet_names(name: str, data: bytes, truncated: bool) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = Path(name) if truncated else io.BytesIO(data)
    try:
        return tuple(pq.ParquetFile(whole).schema_arrow.names)
    except (OSError, ValueError, pa.ArrowException):
        return ()


def parquet_rows(file: SourceFile, stream: BinaryIO) -> Iterator[Parsed]:
    """Each row as {column: value}. A file inside an archive or a pipe is read whole first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        on_disk = file.path is not None and _starts_parquet(file.path)
        whole = file.path if on_disk else pa.BufferReader(stream.read())
        with pq.ParquetFile(whole) as table:
            for batch in table.iter_batches(batch_size=PARQUET_BATCH_ROWS):
                for value in batch.to_pylist(maps_as_pydicts="lossy"):
                    row += 1
                    yield row, {str(k): plain(v) for k, v in value.items()}
    except (pa.ArrowException, ValueError, OSError) as error:
        yield row + 1, rejected(row + 1, f"not readable Parquet: {str(error)[:120]}")


def _starts_parquet(path: Path) -> bool:
    with path.open("rb") as raw:
        return raw.read(4) == PARQUET


def plain(value: Any) -> Any:
    """What JSON could have held: times as ISO text (UTC), decimals as text, NaN as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if isinstance(value, Decimal | date) else value
