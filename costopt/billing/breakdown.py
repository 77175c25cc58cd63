"""Where the money goes: the bill by any combination of dimensions. Rows sum to the bill exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.components import COMPONENTS, Parts, parts, tool_names
from costopt.billing.context import Attribution
from costopt.billing.days import CALENDAR, calendar
from costopt.billing.segment_counts import group_sums
from costopt.errors import UsageError, nearest
from costopt.model.bill import Bill
from costopt.model.call import CallStatus
from costopt.model.trace import DIMS, Categorical, Trace
from costopt.money import PicoUsd, exact_group_sum, usd_float

Int = NDArray[np.int64]

PART_DIMS = ("component", "tool")
"""Dimensions of a part of a call, not of the call: dollars come from the attribution."""
NUMBERED = ("step",)
ORDERED = (*CALENDAR, *NUMBERED)
"""Rows that start with one of these stand in its own order, others by dollars."""


@dataclass(frozen=True, slots=True)
class Row:
    """One group. `keys` in the order asked for; a step is its number as text."""

    keys: tuple[str, ...]
    calls: int
    sessions: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    pusd: PicoUsd
    unknown_calls: int = 0
    """Of `calls`, those whose dollars are not known: no price or no usage."""

    def to_json(self, dims: Sequence[str]) -> dict[str, Any]:
        named: dict[str, Any] = {
            d: int(k) if d in NUMBERED else k for d, k in zip(dims, self.keys, strict=True)
        }
        return named | {
            "calls": self.calls,
            "sessions": self.sessions,
            "input_tokens": self.input_tokens,
            "cached_input_tokens": self.cached_input_tokens,
            "output_tokens": self.output_tokens,
            "mean_input_tokens": self.input_tokens / self.calls if self.calls else 0.0,
            "usd": usd_float(self.pusd),
            "unknown_calls": self.unknown_calls,
        }


def breakdown(
    trace: Trace, bill: Bill, attribution: Attribution, dims: Sequence[str], tz: str = "UTC"
) -> list[Row]:
    """Groups over dims: columns of the log, `metadata.x`, session, step, day, ..., component, tool.

    Calls that the user's own gateway answered count as calls with no tokens. UsageError: unknown dim.
    """
    columns = [column(trace, d, tz) for d in dims if d not in PART_DIMS]
    group, labels = _combine(columns, trace.n)
    if len(columns) == len(dims):
        rows = _call_rows(trace, bill, group, labels)
    else:
        rows = _part_rows(trace, bill, attribution, group, labels, dims)
    if dims and dims[0] in ORDERED:
        return sorted(rows, key=lambda r: _natural(r.keys))
    return sorted(rows, key=lambda r: (-r.pusd, -r.input_tokens, r.keys))


def column(trace: Trace, name: str, tz: str) -> Categorical:
    """A column of the calls by its name on the command line."""
    if name in CALENDAR:
        return calendar(trace.at_us, name, tz)
    if name == "session":
        return Categorical(trace.session, trace.sessions)
    if name == "step":
        top = int(trace.step.max(initial=0))
        return Categorical(trace.step, tuple(str(i) for i in range(top + 1)))
    try:
        return trace.dim(name)
    except KeyError:
        valid = [*DIMS, *CALENDAR, *PART_DIMS, "session", "step"]
        valid += [f"metadata.{m}" for m in trace.metadata]
        hint = f"{nearest(name, valid)}  All: {', '.join(valid)}".strip()
        raise UsageError(f"the log has no dimension `{name}`.", where="--by", hint=hint) from None


def _combine(columns: Sequence[Categorical], n: int) -> tuple[Int, list[tuple[str, ...]]]:
    """One dense code a call for the tuple of its columns, and what each code is called."""
    group = np.zeros(n, np.int64)
    names: list[tuple[str, ...]] = [()]
    for col in columns:
        pair = group * len(col.values) + col.codes
        distinct, where = np.unique(pair, return_inverse=True)
        group = where.reshape(-1).astype(np.int64)
        size = len(col.values)
        names = [(*names[p // size], col.values[p % size]) for p in distinct.tolist()]
    return group, names


def _call_rows(trace: Trace, bill: Bill, group: Int, labels: list[tuple[str, ...]]) -> list[Row]:
    size = len(labels) if trace.n else 0
    served = trace.status != CallStatus.GATEWAY_HIT
    usd = exact_group_sum(bill.net_pusd, group, size)
    counts = [
        group_sums(np.where(served, values, 0), group, size) for values in trace.billed_tokens
    ]
    calls = group_sums(trace.requests, group, size)
    sessions = _distinct(group, size, trace)
    unknown = group_sums(np.where(bill.unknown, trace.requests, 0), group, size)
    inputs, cached, outputs = counts
    return [
        Row(
            labels[g], int(calls[g]), int(sessions[g]), int(inputs[g]), int(cached[g]),
            int(outputs[g]), usd[g], int(unknown[g]),
        )
        for g in range(size)
    ]  # fmt: skip


def _distinct(group: Int, size: int, trace: Trace) -> Int:
    """Known sessions that have a call in each group."""
    known, count = trace.session_known, max(1, len(trace.sessions))
    pairs = np.unique(group[known] * count + trace.session[known])
    return np.bincount(pairs // count, minlength=size)


@dataclass
class _Sums:
    calls: int = 0
    input: int = 0
    cached: int = 0
    output: int = 0
    pusd: int = 0
    unknown: int = 0


def _part_rows(
    trace: Trace, bill: Bill, attribution: Attribution, group: Int,
    labels: list[tuple[str, ...]], dims: Sequence[str],
) -> list[Row]:  # fmt: skip
    tools = tool_names(trace)
    with_component, with_tool = "component" in dims, "tool" in dims
    sums: dict[int, _Sums] = {}
    seen: list[tuple[Int, Int]] = []
    for chunk in parts(trace, bill, attribution):
        cell = group[chunk.call] * len(COMPONENTS) + (chunk.component if with_component else 0)
        cell = cell * len(tools) + (chunk.tool if with_tool else 0)
        codes, where = np.unique(cell, return_inverse=True)
        _add(sums, trace, bill.unknown, chunk, codes, where.reshape(-1))
        pairs = np.unique(cell * len(trace.sessions) + trace.session[chunk.call])
        seen.append((pairs // len(trace.sessions), pairs % len(trace.sessions)))
    sessions = _session_counts(trace, seen)
    rows = []
    for code, s in sorted(sums.items()):
        rest, tool = divmod(code, len(tools))
        at, component = divmod(rest, len(COMPONENTS))
        found = {"component": COMPONENTS[component], "tool": tools[tool]}
        plain = iter(labels[at])
        keys = tuple(found[d] if d in PART_DIMS else next(plain) for d in dims)
        count = sessions.get(code, 0)
        usd = PicoUsd(s.pusd)
        rows.append(Row(keys, s.calls, count, s.input, s.cached, s.output, usd, s.unknown))
    return rows


def _add(
    sums: dict[int, _Sums], trace: Trace, unknown: NDArray[np.bool_], chunk: Parts, codes: Int,
    where: Int,
) -> None:  # fmt: skip
    size = len(codes)
    served = trace.status[chunk.call] != CallStatus.GATEWAY_HIT
    out = chunk.is_output
    inputs = group_sums(np.where(served & ~out, chunk.tokens, 0), where, size)
    cached = group_sums(np.where(served, chunk.cached_tokens, 0), where, size)
    outputs = group_sums(np.where(served & out, chunk.tokens, 0), where, size)
    pusd = exact_group_sum(chunk.pusd, where, size)
    pairs = np.unique(where * trace.n + chunk.call)
    code_of, call = pairs // trace.n, pairs % trace.n
    calls = group_sums(trace.requests[call], code_of, size)
    unknowns = group_sums(np.where(unknown[call], trace.requests[call], 0), code_of, size)
    for i, code in enumerate(codes.tolist()):
        s = sums.setdefault(code, _Sums())
        s.calls += int(calls[i])
        s.input += int(inputs[i])
        s.cached += int(cached[i])
        s.output += int(outputs[i])
        s.pusd += int(pusd[i])
        s.unknown += int(unknowns[i])


def _session_counts(trace: Trace, seen: list[tuple[Int, Int]]) -> dict[int, int]:
    if not seen:
        return {}
    pairs = np.unique(np.stack([np.concatenate(c) for c in zip(*seen, strict=True)]), axis=1)
    pairs = pairs[:, known_sessions(trace)[pairs[1]]]
    codes, counts = np.unique(pairs[0], return_counts=True)
    return dict(zip(codes.tolist(), counts.tolist(), strict=True))


def known_sessions(trace: Trace) -> NDArray[np.bool_]:  # [session]
    """Whether the log itself names the session."""
    known = np.zeros(len(trace.sessions), np.bool_)
    known[trace.session] = trace.session_known
    return known


def _natural(keys: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Numbers in number order: fixed width by length first."""
    return tuple((len(k), k) if k.isdecimal() else (0, k) for k in keys)
