"""A ledger table into a file: CSV, Parquet or JSONL by the file's ending.

CSV is opened in spreadsheets: text that would run as a formula is quoted with an apostrophe, and control
characters become visible. Parquet and JSONL carry text as it is.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from costopt.errors import UsageError
from costopt.model.escape import clean

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".csv", ".parquet", ".jsonl", ".ndjson")
_ROWS_AT_ONCE = 50_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DECIMALS = ("usd", "recorded_usd", "list_usd", "discount_usd", "x_recorded_usd", "ListCost",
             "ContractedCost", "EffectiveCost", "BilledCost")  # fmt: skip


def write_table(table: pa.Table, out: Path) -> None:
    """Write the table; `-` is CSV on stdout. Raises UsageError for another ending or a full disk."""
    if str(out) == "-":
        _csv(table, sys.stdout)
        return
    writers: dict[str, Callable[[pa.Table, Path], None]] = {
        ".csv": _csv_file, ".parquet": _parquet, ".jsonl": _jsonl, ".ndjson": _jsonl,
    }  # fmt: skip
    write = writers[check_ending(out)]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _in_place_of(out) as fresh:
            write(table, fresh)
    except OSError as error:
        raise UsageError(f"cannot write it: {error.strerror or error}.", where=str(out)) from error


def check_ending(out: Path) -> str:
    """The file's ending, if a ledger can be written so. Raises UsageError: before the long work."""
    ending = "".join(out.suffixes[-1:]).lower()
    if str(out) != "-" and ending not in ENDINGS:
        raise UsageError(
            f"cannot write `{ending or out.name}`.", where=str(out),
            hint="Give a name that ends in .csv, .parquet or .jsonl; - is CSV on stdout.",
        )  # fmt: skip
    return ending


@contextmanager
def _in_place_of(out: Path) -> Iterator[Path]:
    """A file beside it that takes its place when complete: a stop leaves no half of a ledger."""
    if out.exists() and not out.is_file():  # /dev/stdout, a pipe
        yield out
        return
    fresh = out.with_name(f".{out.name}.part")
    try:
        yield fresh
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)


def _parquet(table: pa.Table, out: Path) -> None:
    import pyarrow.parquet as parquet

    parquet.write_table(table, out, compression="zstd")


def _jsonl(table: pa.Table, out: Path) -> None:
    with out.open("wb") as file:
        for part in _parts(table):
            columns = [_plain(part[name], _json_time) for name in part.column_names]
            for row in zip(*columns, strict=True):
                file.write(orjson.dumps(dict(zip(part.column_names, row, strict=True))) + b"\n")


def _csv_file(table: pa.Table, out: Path) -> None:
    with out.open("w", newline="", encoding="utf-8") as file:
        _csv(table, file)


def _csv(table: pa.Table, file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.column_names)
    for part in _parts(table):
        writer.writerows(zip(*[_csv_column(part[n], n) for n in part.column_names], strict=True))


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        yield table.slice(start, _ROWS_AT_ONCE)


def _csv_column(column: pa.ChunkedArray, name: str) -> list[Any]:
    import pyarrow as pa

    values = _plain(column, _json_time)
    if pa.types.is_boolean(column.type):
        return ["true" if v else "false" for v in values]
    text = pa.types.is_dictionary(column.type) or pa.types.is_string(column.type)
    if not text or name in _DECIMALS:
        return values
    seen: dict[str | None, str] = {None: ""}
    return [seen[v] if v in seen else seen.setdefault(v, csv_text(v)) for v in values]


def csv_text(text: str) -> str:
    """A text cell that no spreadsheet runs and no terminal obeys."""
    return clean("'" + text if text.startswith(_FORMULA) else text)


def _plain(column: pa.ChunkedArray, times: Callable[[pa.ChunkedArray], list[Any]]) -> list[Any]:
    import pyarrow as pa

    return times(column) if pa.types.is_timestamp(column.type) else column.to_pylist()


def _json_time(column: pa.ChunkedArray) -> list[str | None]:
    """ISO 8601 in UTC, `Z` at the end, fractions where there are any."""
    found = []
    for value in column.to_pylist():
        text = None if value is None else value.isoformat().replace("+00:00", "Z")
        found.append(text)
    return found
