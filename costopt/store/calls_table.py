"""Rows to columns: a batch of calls as one Arrow table whose columns are those of `calls`."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from costopt.model.build import tools_called
from costopt.model.call import Call
from costopt.model.identity import call_digest
from costopt.model.leaf import INPUT, LEAF_NAMES, N_LEAVES, OUTPUT
from costopt.money import from_log
from costopt.store.segments_table import Uses, halves, visible

if TYPE_CHECKING:
    import pyarrow as pa


TEXT_COLUMNS = (
    "id", "session_id", "parent_id", "provider", "model", "request_model", "agent", "task",
    "tenant", "workflow", "user_segment", "user", "project", "workspace", "api_key_hash", "region",
    "service_tier", "speed", "finish", "prompt_cache_key", "error", "note",
)  # fmt: skip


def text_array(texts: list[str]) -> pa.Array:
    """UTF-8 text; a lone surrogate, which UTF-8 cannot hold, is kept as visible text `\\udc80`."""
    import pyarrow as pa

    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([visible(t) for t in texts], pa.string())


def calls_table(
    calls: list[Call], request: Uses, response: Uses, settings: NDArray[np.uint64]
) -> pa.Table:
    """The facts of these calls. `settings`: [call] ids of `request_settings`.

    Raises ValueError or OverflowError for a number that no column holds.
    """
    import pyarrow as pa

    columns: dict[str, Any] = {}
    keys = halves([call_digest(c) for c in calls])
    columns["key_hi"], columns["key_lo"] = keys[:, 0], keys[:, 1]
    texts = zip(*map(attrgetter(*TEXT_COLUMNS), calls), strict=True)
    for name, values in zip(TEXT_COLUMNS, texts, strict=True):
        columns[name] = text_array(list(values))
    columns["tool"] = text_array([tools_called(c) if c.response else "" for c in calls])
    columns["tags"] = text_array([",".join(c.tags) if c.tags else "" for c in calls])
    columns["settings"] = settings
    columns |= _numbers(calls) | _tokens(calls)
    columns |= _recorded(calls)
    columns["metadata"] = pa.array([_json(c.metadata) for c in calls], pa.string())
    columns["extra"] = pa.array([_json(c.usage.extra) for c in calls], pa.string())
    for name, uses in (("request", request), ("response", response)):
        columns[name], columns[name + "_flags"] = uses.arrays()
    return pa.table(columns)


def _numbers(calls: list[Call]) -> dict[str, Any]:
    import pyarrow as pa

    return {
        "version_us": [-1 if c.version_us is None else c.version_us for c in calls],
        "span": [c.span for c in calls],
        "at_us": pa.array([c.at_us for c in calls], pa.int64()),
        "latency_ms": pa.array([c.latency_ms for c in calls], pa.float64()),
        "ttft_ms": pa.array([c.ttft_ms for c in calls], pa.float64()),
        "status": np.array([c.status for c in calls], np.int8),
        "usage_state": np.array([c.usage.state for c in calls], np.int8),
        "byok": [c.byok for c in calls],
        "stream": [c.stream for c in calls],
        "max_tokens": pa.array([c.max_tokens for c in calls], pa.int32()),
        "temperature": pa.array([c.temperature for c in calls], pa.float32()),
        "web_searches": pa.array([c.usage.web_searches for c in calls], pa.int32()),
        "requests": pa.array([c.requests for c in calls], pa.int32()),
        "line": pa.array([c.source_line for c in calls], pa.int32()),
    }


def _tokens(calls: list[Call]) -> dict[str, Any]:
    leaves = np.array([c.usage.leaves for c in calls], np.int64).reshape(-1, N_LEAVES)
    columns: dict[str, Any] = {name: leaves[:, i] for i, name in enumerate(LEAF_NAMES)}
    columns["input_tokens"] = leaves[:, INPUT].sum(axis=1)
    columns["output_tokens"] = leaves[:, OUTPUT].sum(axis=1)
    return columns


def _recorded(calls: list[Call]) -> dict[str, Any]:
    import pyarrow as pa

    texts = [c.recorded_usd for c in calls]
    amounts = [None if t is None else from_log(t) for t in texts]
    return {
        "recorded_usd": pa.array(texts, pa.string()),
        "recorded_pusd": pa.array(amounts, pa.int64()),
    }


def _json(value: dict[str, str] | list[Any]) -> str | None:
    """JSON text of a filled mapping or list; None for an empty one."""
    if not value:
        return None
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a lone surrogate, which only the escaped form can carry
        return json.dumps(value)


def sound(call: Call) -> str:
    """Why no column can hold this call's numbers, else an empty string."""
    whole = {
        "max_tokens": (call.max_tokens, 31), "web_searches": (call.usage.web_searches, 31),
        "requests": (call.requests, 31), "source_line": (call.source_line, 31),
        "timestamp": (call.at_us, 63), "version": (call.version_us, 63),
    }  # fmt: skip
    for name, (value, bits) in whole.items():
        if value is not None and not -(2**bits) <= value < 2**bits:
            return f"{name} is {value}, more than can be true"
    if any(not 0 <= leaf < 2**53 for leaf in call.usage.leaves):
        return "a token count is negative or more than any bill holds"
    return _sound_amount(call.recorded_usd)


def _sound_amount(text: str | None) -> str:
    if text is None:
        return ""
    try:
        amount = from_log(text)
    except ValueError as error:
        return str(error)
    return (
        "" if abs(amount) < 2**63 else f"the recorded cost is {text[:40]}, more than one call costs"
    )
