"""Give freed room back: DuckDB keeps the holes of deleted rows, so the store is written anew.

The new file takes the old one's place in one step; a kill before that leaves the old one untouched.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from costopt.store.database import connect, spill_folder
from costopt.store.sql import run

if TYPE_CHECKING:
    import duckdb

TABLES = (
    "calls", "segments", "segment_tokens", "datasets", "sources", "members", "links", "rejections",
    "call_costs", "runs", "request_settings",
    "replay_runs", "replay_attempts", "replay_settled", "replay_jobs", "evidence",
)  # fmt: skip
_ROWS_AT_ONCE = 100_000


def compact(
    connection: duckdb.DuckDBPyConnection, path: Path | None, drop_unused: Callable[[], None]
) -> duckdb.DuckDBPyConnection:
    """Drop what is unused and write the rest anew. Returns the connection to go on with."""
    connection.begin()
    try:
        drop_unused()
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    if path is None:
        return connection
    run(connection, "checkpoint")
    fresh = path.with_name(path.name + ".compact")
    remove_file(fresh)
    try:
        _copy(connection, fresh)
    except BaseException:
        remove_file(fresh)
        raise
    connection.close()
    fresh.replace(path)
    remove_file(fresh)  # what stood beside it
    return connect(path, read_only=False)


def remove_file(path: Path) -> None:
    """A store's file and the log beside it."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
    with suppress(OSError):
        spill_folder(path).rmdir()


def _copy(connection: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    target = connect(fresh, read_only=False)
    try:
        for name in TABLES:
            rows = connection.table(name).to_arrow_reader(_ROWS_AT_ONCE)
            for batch in rows:
                target.from_arrow(_table(batch)).insert_into(name)
        run(target, "checkpoint")
    finally:
        target.close()


def _table(batch: object) -> object:
    import pyarrow as pa

    return pa.Table.from_batches([batch])
