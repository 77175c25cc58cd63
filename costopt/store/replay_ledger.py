"""Attempts of replays in the store: what is sent stands here first, what was answered is never sent again.

Each call is one statement, thus one transaction, and durable when it returns. Rows are only added; what
is asked of them is worked out when it is read.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from costopt.model.clock import now_us
from costopt.model.exchange import Attempt, AttemptState, Settled
from costopt.model.secrets import masked
from costopt.store.database import explained
from costopt.store.replay_files import replay_folder
from costopt.store.sql import number, rows
from costopt.store.sql import run as change

if TYPE_CHECKING:
    import duckdb

    from costopt.store.store import Store


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """One replay as the store has it. Times: UTC microseconds; `finished_us` None: it can go on."""

    run: int
    dataset: str
    plan: str
    at_us: int
    finished_us: int | None
    head: Mapping[str, Any]
    summary: Mapping[str, Any]


class StoredReplays:
    """The `ReplayLedger` of a store. Its calls may come from any thread; they pass one at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._one_at_a_time = threading.Lock()

    def begin(self, dataset: str, plan: str, head: Mapping[str, Any]) -> int:
        with self._connected() as connection:
            told = _json(_safe(head))
            return number(
                connection, "replay_begin", dataset=dataset, plan=plan, at_us=now_us(), head=told
            )

    def unfinished(self, plan: str) -> int | None:
        found = self._rows("replay_unfinished", plan=plan)
        return int(found[0][0]) if found else None

    def open(self, attempts: Sequence[Attempt]) -> None:
        if not attempts:
            return
        with self._connected() as connection:
            change(
                connection, "replay_open",
                run=[a.run for a in attempts], item=[a.item for a in attempts],
                number=[a.number for a in attempts], worst_pusd=[a.worst_pusd for a in attempts],
                at_us=[a.at_us for a in attempts], batch=[a.batch for a in attempts],
            )  # fmt: skip

    def settle(self, settled: Sequence[Settled]) -> None:
        if not settled:
            return
        outcomes = [_outcome(s.outcome) for s in settled]
        with self._connected() as connection:
            change(
                connection, "replay_settle",
                run=[s.run for s in settled], item=[s.item for s in settled],
                number=[s.number for s in settled], state=[s.state.value for s in settled],
                at_us=[s.at_us for s in settled], usd_pusd=[s.usd_pusd for s in settled],
                trouble=[_trouble(s.outcome) for s in settled], outcome=outcomes,
            )  # fmt: skip

    def note_job(self, run: int, mark: str, job: str) -> None:
        with self._connected() as connection:
            change(connection, "replay_job_add", run=run, mark=mark, job=job)

    def jobs(self, run: int) -> Mapping[str, str]:
        return dict(self._rows("replay_jobs_of", run=run))

    def attempts(self, run: int) -> list[tuple[Attempt, Settled | None]]:
        return [_pair(row) for row in self._rows("replay_attempts_of", run=run)]

    def finish(self, run: int, summary: Mapping[str, Any]) -> None:
        with self._connected() as connection:
            told = _json(_safe(summary))
            change(connection, "replay_finish", run=run, at_us=now_us(), summary=told)

    def spent_pusd(self, run: int) -> int:
        return int(self._rows("replay_spent", run=run)[0][0])

    def runs(self, dataset: str | None = None) -> list[ReplayRow]:
        """Replays of a data set (None: of all), the last one first."""
        return [_run_row(row) for row in self._rows("replay_runs_of", dataset=dataset)]

    def folder(self, run: int) -> Path | None:
        """Where the files of a run belong, beside the store; None: the store is in memory."""
        return replay_folder(self._store.path, run)

    def _rows(self, name: str, **values: object) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return rows(connection, name, **values)

    @contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own: the store's may be at something else in another thread. Each call
        makes one statement, which is a transaction: fewer steps than with a `begin`, for between two
        steps the writer waits for the interpreter while answers are read."""
        where = str(self._store.path or "")
        with self._one_at_a_time, explained(where), self._store.beside() as connection:
            yield connection


def _pair(row: tuple[Any, ...]) -> tuple[Attempt, Settled | None]:
    attempt = Attempt(*row[:6])
    state, at_us, usd_pusd, outcome = row[6:]
    if state is None:
        return attempt, None
    told = json.loads(outcome)  # knows half a surrogate pair, which orjson refuses
    settled = Settled(
        attempt.run, attempt.item, attempt.number, AttemptState(state), at_us, usd_pusd, told
    )
    return attempt, settled


def _run_row(row: tuple[Any, ...]) -> ReplayRow:
    run, dataset, plan, at_us, finished_us, head, summary = row
    told = json.loads(summary) if summary else {}
    return ReplayRow(run, dataset, plan, at_us, finished_us, json.loads(head), told)


def _outcome(outcome: Mapping[str, Any]) -> str:
    """Errors without what looks like a key; answers as they are: content, like the log's."""
    if "refusal" in outcome:
        return _json({**outcome, "refusal": _safe(outcome["refusal"])})
    return _json(outcome)


def _trouble(outcome: Mapping[str, Any]) -> str:
    return str(outcome["refusal"]["trouble"]) if "refusal" in outcome else ""


def _safe(value: Any) -> Any:
    """The same with the keys and passwords in its texts masked."""
    if isinstance(value, str):
        return masked(str(value))
    if isinstance(value, Mapping):
        return {key: _safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value]
    return value


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # half a surrogate pair, as providers send it: escaped, it is plain ASCII
        return json.dumps(value, default=str)
