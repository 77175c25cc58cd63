"""Which calls were followed by the very same request: the answer was not used."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.billing.prompt_cache.namespace import combined
from costopt.findings.memo import once

SAMPLED = 3
"""More equal requests in a row are sampling on purpose, or a loop; not a retry."""


@once
def sent_again(context: AuditContext) -> NDArray[np.bool_]:  # [call]
    """The next call of the session (same agent and model) sends the same blocks: this one was in vain.

    An answer that was used stands in the next request. Runs of more than three are left out.
    """
    trace = context.trace
    usable = trace.has_content & trace.session_known & (trace.request.lengths > 0)
    rows = np.flatnonzero(usable)
    asked, served = trace.dims["request_model"].codes, trace.dims["model"].codes
    agent = trace.dims["agent"].codes
    group = combined([trace.session, agent, asked, np.where(asked > 0, 0, served)], trace.n)
    order = rows[np.argsort(group[rows], kind="stable")]
    request = mixed(trace.request.ids, trace.request.offsets, order)
    same = (group[order[1:]] == group[order[:-1]]) & (request[1:] == request[:-1])
    # Equal requests have equal counts. Where they differ, the log has left a part out of one.
    same &= trace.input_tokens[order[1:]] == trace.input_tokens[order[:-1]]
    again = np.concatenate((same, [False])) if len(order) else np.zeros(0, np.bool_)
    out = np.zeros(trace.n, np.bool_)
    out[order[again & (_run_lengths(again) < SAMPLED)]] = True
    return out


def _run_lengths(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """At every place the length of the run of equal flags that it stands in."""
    if not len(flags):
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.concatenate(([True], flags[1:] != flags[:-1])))
    lengths = np.diff(np.concatenate((starts, [len(flags)])))
    return np.repeat(lengths, lengths)


def mixed(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A 64-bit code of the ids of each row, in order; equal rows have equal codes."""
    out = np.zeros(len(rows), np.uint64)
    going, at = np.arange(len(rows)), 0
    while len(going):
        out[going] = _mix(out[going])
        going = going[offsets[rows[going]] + at < offsets[rows[going] + 1]]
        out[going] ^= ids[offsets[rows[going]] + at].astype(np.uint64) + np.uint64(1)
        at += 1
    return out.view(np.int64)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64: every bit depends on every bit."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
