"""Requests as they arrive: times, lengths, what belongs together, and which prompt blocks they share.

`arrivals_log.py` makes them of a log's calls, `arrivals_azure.py` and `arrivals_servegen.py` of public
traces; `arrivals_scaled.py` makes more or fewer of them without smoothing the peaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from costopt.errors import InputError
from costopt.model.trace import stretches
from costopt.serving.core.terms import Float, Int, Workload

DAY_S = 86_400.0


def _none() -> Int:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Arrivals:
    """Every array has the request as its first axis, in order of time."""

    at_s: Float
    """Seconds since the window began."""
    prompt_tokens: Int
    output_tokens: Int
    session: Int
    """Requests of one number belong together; one that stands alone has a number of its own."""
    span_s: float
    """Length of the window that these requests stand for, quiet hours included."""
    block_offsets: Int = field(default_factory=_none)
    """[request + 1] into `block_ids`; empty where no content is known."""
    block_ids: Int = field(default_factory=_none)
    """As in `Workload`: blocks of prompt and answer by the hash of all up to their end."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Requests that cannot be simulated, by reason."""

    def __post_init__(self) -> None:
        if self.n and np.any(np.diff(self.at_s) < 0):
            raise InputError("Arrivals must be in order of time.")
        if self.span_s <= 0:
            raise InputError("A window of arrivals must be longer than nothing.")

    @property
    def n(self) -> int:
        return len(self.at_s)

    @property
    def days(self) -> float:
        return self.span_s / DAY_S

    @property
    def tokens(self) -> tuple[int, int]:
        """(prompt, output) of all requests."""
        return int(self.prompt_tokens.sum()), int(self.output_tokens.sum())

    @property
    def tokens_per_day(self) -> float:
        """Prompt and output together."""
        return sum(self.tokens) / self.days

    def peak_per_s(self, window_s: float = 60.0) -> float:
        """Requests a second in the busiest window."""
        if not self.n:
            return 0.0
        counts = np.bincount((self.at_s / window_s).astype(np.int64))
        return float(counts.max() / window_s)

    def workload(self) -> Workload:
        """What the simulator's core reads; empty prompts and answers count as one token."""
        prompt, output = np.maximum(self.prompt_tokens, 1), np.maximum(self.output_tokens, 1)
        return Workload(self.at_s, prompt, output, 0, self.block_offsets, self.block_ids)

    def part(self, rows: NDArray[np.bool_] | Int) -> Arrivals:
        """Some of them, in ascending order, for the same window."""
        chosen: Int = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
        offsets, ids = self.block_offsets, self.block_ids
        if len(offsets):
            offsets, ids = gather(offsets, ids, chosen)
        return Arrivals(
            self.at_s[chosen], self.prompt_tokens[chosen], self.output_tokens[chosen],
            self.session[chosen], self.span_s, offsets, ids, self.left_out,
        )  # fmt: skip


def gather(offsets: Int, ids: Int, rows: Int) -> tuple[Int, Int]:
    """The ragged rows in this order."""
    lengths = offsets[rows + 1] - offsets[rows]
    return np.concatenate(([0], np.cumsum(lengths))), ids[stretches(offsets[rows], lengths)]


def in_order(
    at_s: Float, prompt: Int, output: Int, span_s: float, session: Int | None = None
) -> Arrivals:
    """Arrivals without known content from columns in any order; each stands alone by default."""
    order = np.argsort(at_s, kind="stable")
    alone = np.arange(len(at_s), dtype=np.int64)
    own = alone if session is None else session[order]
    return Arrivals(
        at_s[order].astype(np.float64), prompt[order].astype(np.int64),
        output[order].astype(np.int64), own, span_s,
    )  # fmt: skip
