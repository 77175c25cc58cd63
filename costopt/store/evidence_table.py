"""Evidence of replays in the store: kept a row a run, read as one entry a layer, settings and model."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from costopt.errors import UsageError
from costopt.model.evidence import (
    WHOLE_LOG,
    Entry,
    runs_of,
    together,
    whole_log_together,
    with_others,
)
from costopt.store.sql import rows, run

if TYPE_CHECKING:
    import duckdb

_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def save_evidence(
    connection: duckdb.DuckDBPyConnection, dataset: str, number: int, at_us: int,
    evidence: Mapping[str, Any], plan: str = "",
) -> None:  # fmt: skip
    """Keep what replay `number` measured, in place of what it or an earlier run of its plan wrote.

    `evidence`: layer name to an entry, or to several; `name#2` is the second of that name in a policy.
    """
    run(connection, "evidence_drop_run", dataset=dataset, run=number, plan=plan)
    for layer, entry in _each(evidence):
        told = {**entry, "run": number, "at": entry.get("at") or _day(at_us)}
        run(
            connection, "evidence_add",
            dataset=dataset, run=number, plan=plan, at_us=at_us, layer=layer,
            settings=_json(entry.get("settings", {})), model=str(entry.get("model") or ""),
            found=_json(told),
        )  # fmt: skip


def evidence(connection: duckdb.DuckDBPyConnection, dataset: str) -> dict[str, dict[str, Any]]:
    """Layer name to what was measured of it: the newest settings, the others under `others`."""
    groups: dict[str, dict[tuple[object, ...], list[Entry]]] = {}
    for layer, settings, model, found in rows(connection, "evidence_of", dataset=dataset):
        entry = orjson.loads(found)
        # A model that stood in for another one says nothing together with itself where it was asked for.
        key = () if layer == WHOLE_LOG else (settings, model, entry.get("mapped"))
        groups.setdefault(layer, {}).setdefault(key, []).append(entry)
    return {layer: _layer(layer, list(mine.values())) for layer, mine in groups.items()}


def _layer(name: str, groups: Sequence[Sequence[Entry]]) -> dict[str, Any]:
    """All of a layer, the settings measured last in front."""
    if name == WHOLE_LOG:
        return whole_log_together(groups[0])
    made = [together(entries) for entries in groups]
    return with_others(sorted(made, key=lambda e: -max(runs_of(e), default=0)))


def _each(found: Mapping[str, Any]) -> Iterator[tuple[str, Entry]]:
    for layer, entries in found.items():
        for entry in [entries] if isinstance(entries, Mapping) else entries:
            yield layer.partition("#")[0], entry


def _json(value: Any) -> str:
    """Raises UsageError where something in it is no JSON."""
    try:
        return orjson.dumps(value, option=_JSON).decode()
    except TypeError as error:
        raise UsageError(f"evidence of a replay is no JSON: {error}.") from error


def _day(at_us: int) -> str:
    return dt.datetime.fromtimestamp(at_us / 1_000_000, dt.UTC).date().isoformat()
