"""Own GPUs in the bill: tokens cost nothing, the hours are rows of their own, idle time included."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import Trace
from costopt.money import PicoUsd, pico, split_exact

HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class GpuPrice:
    """A self-hosted model's machines, from `prices.yaml`."""

    name: str
    provider: str
    gpu_hour_usd: Decimal
    gpus: int
    hours: Decimal | None
    """None: from the first to the last call of the log."""


@dataclass(frozen=True, slots=True)
class SelfHostedRow:
    """What a model's machines cost over the log. `busy_pusd + idle_pusd = total_pusd`."""

    model: str
    calls: int
    hours: Decimal
    gpus: int
    total_pusd: PicoUsd
    busy_pusd: PicoUsd | None
    """While at least one call was running; None where the log lacks times or latencies."""
    idle_pusd: PicoUsd | None


def self_hosted_rows(prices: tuple[GpuPrice, ...], trace: Trace) -> list[SelfHostedRow]:
    """One row a self-hosted model, those without any call included: their machines ran all the same."""
    return [_row(price, trace) for price in prices]


def _row(price: GpuPrice, trace: Trace) -> SelfHostedRow:
    rows = calls_of(price, trace)
    span_us, busy_us = _times(trace, rows)
    hours = price.hours if price.hours is not None else Decimal(span_us) / HOUR_US
    total = pico(price.gpu_hour_usd * price.gpus * hours)
    if busy_us is None or hours == 0:
        return SelfHostedRow(price.name, len(rows), hours, price.gpus, total, None, None)
    paid_us = int(hours * HOUR_US)
    busy, idle = split_exact(total, [min(busy_us, paid_us), max(0, paid_us - busy_us)])
    return SelfHostedRow(price.name, len(rows), hours, price.gpus, total, busy, idle)


def calls_of(price: GpuPrice, trace: Trace) -> NDArray[np.int64]:
    """Rows of the trace that ran on these machines."""
    models, providers = trace.dims["model"], trace.dims["provider"]
    named = np.array([m.lower() == price.name.lower() for m in models.values], np.bool_)
    there = np.array([not price.provider or p in ("", price.provider) for p in providers.values])
    return np.flatnonzero(named[models.codes] & there[providers.codes])


def _times(trace: Trace, rows: NDArray[np.int64]) -> tuple[int, int | None]:
    """(span of the log, time with at least one of these calls running), microseconds."""
    known = trace.has_time
    if not known.any():
        return 0, None
    span = int(trace.at_us[known].max() - trace.at_us[known].min())
    if not len(rows) or not known[rows].all() or np.isnan(trace.latency_ms[rows]).any():
        return span, 0 if not len(rows) else None
    starts = trace.at_us[rows]
    ends = starts + (trace.latency_ms[rows] * 1000).astype(np.int64)
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    before = np.concatenate((starts[:1], ends[:-1]))
    return span, int(np.maximum(0, ends - np.maximum(starts, before)).sum())
