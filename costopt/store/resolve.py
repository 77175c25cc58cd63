"""Which records stand for which calls: the best copy of each key, without the spans that wrap others.

The same rules as `model.build` in bulk: SQL for what is plain, Python for the rare ties and for trees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from costopt.model.build import without_wrappers
from costopt.model.call import Call, CallStatus, Segment, SegmentKind, Usage, UsageState
from costopt.model.identity import content_digest
from costopt.store.sql import rows, run

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def choose(connection: duckdb.DuckDBPyConnection, links: Iterable[tuple[str, str]]) -> None:
    """Fill `chosen` from `candidates` and `facts`; `wrappers` then holds the rows that were dropped.

    `links`: id and parent of the spans that are no calls.
    """
    connection.register("contents", _contents(connection))
    run(connection, "chosen_create")
    connection.unregister("contents")
    connection.register("wrappers", _wrappers(connection, links))
    run(connection, "wrappers_drop")


def rows_table(numbers: list[int]) -> pa.Table:
    """One column `row`, for a bound view."""
    import pyarrow as pa

    return pa.table({"row": pa.array(numbers, pa.int64())})


def _contents(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    import pyarrow as pa

    tied = rows(connection, "contested")
    digests = _digests(connection, tied)
    numbers = [row[0] for row in tied]
    found = [content_digest(_call(row, digests)) for row in tied]
    return pa.table({"row": pa.array(numbers, pa.int64()), "content": pa.array(found, pa.binary())})


_REQUEST, _RESPONSE, _LEAVES = 16, 17, 18  # places in a row of `contested`


def _digests(
    connection: duckdb.DuckDBPyConnection, tied: list[tuple[Any, ...]]
) -> dict[int, bytes]:
    import pyarrow as pa

    ids = {i for row in tied for block in (row[_REQUEST], row[_RESPONSE]) for i in block or ()}
    if not ids:
        return {}
    wanted = np.array(sorted(ids), np.uint64)
    connection.register("wanted", pa.table({"id": wanted}))
    found = rows(connection, "digests_of_segments")
    connection.unregister("wanted")
    return {i: high.to_bytes(8, "big") + low.to_bytes(8, "big") for i, high, low in found}


def _call(row: tuple[Any, ...], digests: dict[int, bytes]) -> Call:
    """The parts of a call that its content hash is made over."""
    (_, _, _, id_, session, at_us, provider, model, tier, status, recorded, state, searches,
     requests, agent, task, request, response, leaves) = row  # fmt: skip
    usage = Usage(list(leaves), searches, UsageState(state))
    blocks = [
        None if b is None else [Segment(SegmentKind.BLOCK, "", digest=digests[i]) for i in b]
        for b in (request, response)
    ]
    return Call(
        "", usage, id=id_, session_id=session, at_us=at_us, provider=provider, model=model,
        service_tier=tier, status=CallStatus(status), recorded_usd=recorded, requests=requests,
        agent=agent, task=task, request=blocks[0], response=blocks[1],
    )  # fmt: skip


def _wrappers(connection: duckdb.DuckDBPyConnection, links: Iterable[tuple[str, str]]) -> pa.Table:
    found = rows(connection, "spans")
    if not found:
        return rows_table([])
    shared = {state: Usage(state=state) for state in UsageState}
    calls = [
        Call("", shared[UsageState(state)], row, id_, span=True, parent_id=parent)
        for row, id_, parent, state in found
    ]
    kept = {c.source_line for c in without_wrappers(calls, dict(links))}
    return rows_table([c.source_line for c in calls if c.source_line not in kept])
