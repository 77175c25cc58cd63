"""SQL lives in files: named queries, one block each, and migrations that are only ever added.

A block is `-- name: what_it_gives`, a comment that says what a row is, and one statement. Values are
bound with `?` or `$name`; nothing is ever formatted into the text.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BLOCK = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries() -> MappingProxyType[str, str]:
    """Every named query: name to its text (comment included)."""
    found: dict[str, str] = {}
    for name, text in _sql_files("queries"):
        parts = _BLOCK.split(text)[1:]
        for query, body in zip(parts[::2], parts[1::2], strict=True):
            if query in found:
                raise ValueError(f"two queries are named {query} ({name})")
            found[query] = body.strip().rstrip(";")
    return MappingProxyType(found)


def query(name: str) -> str:
    """The text of one named query. KeyError: no such one."""
    return queries()[name]


def run(connection: duckdb.DuckDBPyConnection, name: str, **values: object) -> None:
    """Execute a named statement with these values bound."""
    connection.execute(query(name), values or None)


def rows(
    connection: duckdb.DuckDBPyConnection, name: str, **values: object
) -> list[tuple[Any, ...]]:
    """All rows of a named query. (A result that is not read to its end blocks the connection.)"""
    found: list[tuple[Any, ...]] = connection.execute(query(name), values or None).fetchall()
    return found


def number(connection: duckdb.DuckDBPyConnection, name: str, **values: object) -> int:
    """The one number that a named query gives."""
    return int(rows(connection, name, **values)[0][0])


def arrow(connection: duckdb.DuckDBPyConnection, name: str, **values: object) -> pa.Table:
    """All rows of a named query as columns."""
    return connection.sql(query(name), params=values or None).to_arrow_table()


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """(number, text) of every migration, in order."""
    return tuple((int(name[:4]), text) for name, text in _sql_files("migrations"))


def schema_version() -> int:
    """The schema that this version of costopt writes."""
    return migrations()[-1][0]


def _sql_files(folder: str) -> list[tuple[str, str]]:
    found = [
        f for f in files("costopt.store").joinpath(folder).iterdir() if f.name.endswith(".sql")
    ]
    return [(f.name, f.read_text(encoding="utf-8")) for f in sorted(found, key=lambda f: f.name)]
