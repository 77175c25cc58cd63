"""A part of a trace: chosen rows, everything else as it was (steps keep their number)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import Categorical, Ragged, Trace


@dataclass(frozen=True, slots=True)
class Condition:
    """`agent=planner`, `model!=gpt-4o*`: a column's text against a pattern with * and ?."""

    column: str
    pattern: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """What part of a trace is asked for. Times are UTC microseconds; conditions must all hold."""

    since_us: int | None = None
    until_us: int | None = None
    where: tuple[Condition, ...] = ()

    @property
    def is_all(self) -> bool:
        return self.since_us is None and self.until_us is None and not self.where


def rows_of(trace: Trace, wanted: Slice) -> NDArray[np.int64]:
    """Rows inside the slice. A call without a time is in no time range. KeyError: no such column."""
    keep = np.ones(trace.n, np.bool_)
    if wanted.since_us is not None:
        keep &= trace.has_time & (trace.at_us >= wanted.since_us)
    if wanted.until_us is not None:
        keep &= trace.has_time & (trace.at_us < wanted.until_us)
    for condition in wanted.where:
        keep &= _matches(trace, condition)
    return np.flatnonzero(keep)


def _matches(trace: Trace, condition: Condition) -> NDArray[np.bool_]:
    if condition.column in ("session", "session_id"):
        column = Categorical(trace.session, trace.sessions)
    else:
        column = trace.dim(condition.column)
    fits = np.array([fnmatchcase(v, condition.pattern) for v in column.values], np.bool_)
    found: NDArray[np.bool_] = fits[column.codes]
    return ~found if condition.negated else found


def select(trace: Trace, rows: NDArray[np.int64]) -> Trace:
    """The trace of these rows, in their order. Segments and category values are shared."""
    if len(rows) == trace.n:
        return trace
    place = {int(row): i for i, row in enumerate(rows.tolist())}
    used = np.unique(trace.session[rows])
    code = np.full(len(trace.sessions), -1, np.int32)
    code[used] = np.arange(len(used), dtype=np.int32)
    columns = {
        name: getattr(trace, name)[rows]
        for name in (
            "key", "session_known", "at_us", "latency_ms", "ttft_ms", "leaves", "usage_state",
            "status", "web_searches", "requests", "recorded_pusd", "has_recorded", "byok",
            "max_tokens", "temperature", "stream", "step", "source_line", "has_content",
        )
    }  # fmt: skip
    return replace(
        trace,
        **columns,
        id=tuple(trace.id[i] for i in rows.tolist()),
        parent_id=tuple(trace.parent_id[i] for i in rows.tolist()),
        error=tuple(trace.error[i] for i in rows.tolist()) if trace.error else (),
        session=code[trace.session[rows]],
        sessions=tuple(trace.sessions[s] for s in used.tolist()),
        dims={name: _part(c, rows) for name, c in trace.dims.items()},
        metadata={name: _part(c, rows) for name, c in trace.metadata.items()},
        request=_ragged(trace.request, rows),
        response=_ragged(trace.response, rows),
        settings=_part(trace.settings, rows),
        extra=tuple((place[r], m, v) for r, m, v in trace.extra if r in place),
    )


def _part(column: Categorical, rows: NDArray[np.int64]) -> Categorical:
    return Categorical(column.codes[rows], column.values)


def _ragged(column: Ragged, rows: NDArray[np.int64]) -> Ragged:
    offsets = np.concatenate(([0], np.cumsum(column.lengths[rows]))).astype(np.int64)
    uses = column.uses_of(rows)
    return Ragged(offsets, column.ids[uses], column.flags[uses])
