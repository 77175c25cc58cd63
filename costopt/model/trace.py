"""The column form of a trace: numpy columns over calls, segments stored once, sessions as codes.

Rows are calls in time order (ties and calls without a time: source file, line, then key), so that
neither the order of files nor of lines decides anything. Arrays are read-only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from costopt.model.leaf import CACHE_READS, CACHE_WRITES, INPUT, OUTPUT

NO_TIME = np.iinfo(np.int64).min
"""`at_us` of a call whose log carries no time."""

DIMS = (
    "provider", "model", "request_model", "agent", "task", "tenant", "workflow", "user_segment",
    "user", "project", "workspace", "api_key_hash", "region", "service_tier", "speed", "finish",
    "tool", "tags", "source_file", "format", "prompt_cache_key",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Categorical:
    """A text column: one small code a row. `values[0]` is always "" (not in the log)."""

    codes: NDArray[np.int32]  # [call]
    values: tuple[str, ...]

    def texts(self) -> list[str]:
        values = self.values
        return [values[c] for c in self.codes.tolist()]


NONE_KEPT = Categorical(np.zeros(0, np.int32), ("",))
"""Stands for a column of nothing, however many calls there are."""


@dataclass(frozen=True, slots=True)
class Ragged:
    """Segment ids of each call in wire order: row i is `ids[offsets[i]:offsets[i + 1]]`."""

    offsets: NDArray[np.int64]  # [call + 1]
    ids: NDArray[np.int32]  # [use], into SegmentTable
    flags: NDArray[np.uint8]  # [use], Breakpoint of the use

    def row(self, call: int) -> NDArray[np.int32]:
        return self.ids[self.offsets[call] : self.offsets[call + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:  # [call]
        return np.diff(self.offsets)

    def call_of_use(self) -> NDArray[np.int64]:  # [use]
        """The call each segment use belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.lengths)

    def uses_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices into `ids` of these calls' uses, call by call."""
        starts = self.offsets[rows]
        return stretches(starts, self.offsets[rows + 1] - starts)


def stretches(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """start, start + 1, ... of each stretch, one stretch behind the other."""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)


@dataclass(frozen=True, slots=True)
class SegmentTable:
    """Each distinct segment once. Text stays in the store and is fetched through `ports.Texts`."""

    digest: NDArray[np.uint64]  # [segment, 2]: 128-bit content hash of (kind, name, text)
    kind: NDArray[np.int8]  # [segment], SegmentKind
    name: Categorical  # [segment]: tool name where there is one
    n_bytes: NDArray[np.int64]  # [segment]: UTF-8 length of the text
    tokens: NDArray[np.int64]  # [segment]: known count from the log, -1: to be counted
    has_text: NDArray[np.bool_]  # [segment]

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, slots=True)
class SourceFileInfo:
    """What one input file gave. records = accepted + rejected + duplicates + skipped."""

    path: str
    format: str
    records: int
    accepted: int
    rejected: int
    duplicates: int
    skipped: int = 0


@dataclass(frozen=True)
class Trace:
    """All calls of a data set. `n` rows; every array below has the call as its first axis."""

    key: NDArray[np.uint64]  # [call, 2]: 128-bit identity
    id: tuple[str, ...]
    session: NDArray[np.int32]  # [call], into `sessions`
    sessions: tuple[str, ...]
    session_known: NDArray[np.bool_]  # [call]: False: the log names none, the call stands alone
    parent_id: tuple[str, ...]
    at_us: NDArray[np.int64]  # [call], NO_TIME where unknown
    latency_ms: NDArray[np.float64]  # [call], NaN where unknown
    ttft_ms: NDArray[np.float64]  # [call], NaN where unknown
    leaves: NDArray[np.int64]  # [call, leaf]
    usage_state: NDArray[np.int8]  # [call], UsageState
    status: NDArray[np.int8]  # [call], CallStatus
    web_searches: NDArray[np.int32]  # [call]
    requests: NDArray[np.int32]  # [call]: requests a row stands for (1, or more for run totals)
    recorded_pusd: NDArray[np.int64]  # [call], valid where has_recorded
    has_recorded: NDArray[np.bool_]  # [call]
    byok: NDArray[np.bool_]  # [call]: the user's own key behind a gateway
    max_tokens: NDArray[np.int32]  # [call], -1: not set or not in the log
    temperature: NDArray[np.float32]  # [call], NaN: not in the log
    stream: NDArray[np.bool_]  # [call]
    step: NDArray[np.int32]  # [call]: 1-based position in its session
    source_line: NDArray[np.int32]  # [call]
    dims: Mapping[str, Categorical]  # by name, see DIMS
    request: Ragged
    response: Ragged
    has_content: NDArray[np.bool_]  # [call]: the log carries the request's blocks
    segments: SegmentTable
    extra: tuple[tuple[int, str, tuple[int, ...]], ...] = ()
    """(call, model, leaves) billed inside a call at another model's price."""
    metadata: Mapping[str, Categorical] = field(default_factory=dict)
    files: tuple[SourceFileInfo, ...] = ()
    error: tuple[str, ...] = ()
    sample_rate: float | None = None
    dataset: str = ""
    settings: Categorical = NONE_KEPT
    """[call]: further parameters of the request as canonical JSON (`model.request_settings`)."""

    def __post_init__(self) -> None:
        if self.settings is NONE_KEPT:
            object.__setattr__(self, "settings", Categorical(np.zeros(self.n, np.int32), ("",)))
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def n(self) -> int:
        return len(self.at_us)

    def dim(self, name: str) -> Categorical:
        """A text column by name; `metadata.x` reaches the log's own metadata. KeyError: no such one."""
        if name.startswith("metadata."):
            return self.metadata[name.removeprefix("metadata.")]
        return self.dims[name]

    @cached_property
    def has_time(self) -> NDArray[np.bool_]:  # [call]
        return self.at_us != NO_TIME

    @cached_property
    def input_tokens(self) -> NDArray[np.int64]:  # [call]
        return self.leaves[:, INPUT].sum(axis=1)

    @cached_property
    def output_tokens(self) -> NDArray[np.int64]:  # [call]
        return self.leaves[:, OUTPUT].sum(axis=1)

    @cached_property
    def cache_read(self) -> NDArray[np.int64]:  # [call]
        return self.leaves[:, list(CACHE_READS)].sum(axis=1)

    @cached_property
    def cache_write(self) -> NDArray[np.int64]:  # [call]
        return self.leaves[:, CACHE_WRITES].sum(axis=1)

    @cached_property
    def billed_leaves(self) -> NDArray[np.int64]:  # [call, leaf]
        """`leaves` with what other models took inside a call: sums of tokens that were paid for."""
        if not self.extra:
            return self.leaves
        out = self.leaves.copy()
        for call, _, leaves in self.extra:
            out[call] += np.array(leaves, np.int64)
        return out

    @cached_property
    def billed_tokens(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(all input, of it read from the cache, all output) of `billed_leaves`, each [call]."""
        if not self.extra:
            return self.input_tokens, self.cache_read, self.output_tokens
        leaves = self.billed_leaves
        read = leaves[:, list(CACHE_READS)].sum(axis=1)
        return leaves[:, INPUT].sum(axis=1), read, leaves[:, OUTPUT].sum(axis=1)

    @cached_property
    def session_order(self) -> NDArray[np.int64]:
        """Row numbers sorted by session, in time order inside each."""
        return np.argsort(self.session, kind="stable")

    def session_bounds(self) -> NDArray[np.int64]:
        """Offsets into `session_order`: session s owns bounds[s]:bounds[s + 1]."""
        counts = np.bincount(self.session, minlength=len(self.sessions))
        return np.concatenate(([0], np.cumsum(counts)))
