"""Rented or owned GPUs in a bill: the hours at work go over the calls, idle hours stand beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill, OwnGpus, PriceStatus
from costopt.model.trace import Trace
from costopt.money import PicoUsd, split_exact
from costopt.prices.self_hosted import GpuPrice, SelfHostedRow, calls_of, self_hosted_rows

Int = NDArray[np.int64]


def with_own_gpus(trace: Trace, bill: Bill, prices: tuple[GpuPrice, ...]) -> Bill:
    """The bill with the machines' dollars: at work as fees of their calls, by latency.

    Where the log has no latencies nothing tells work from idling: all of it goes over the calls, by
    tokens. Without a call all of it is idle.
    """
    if not prices:
        return bill
    fee = bill.fee_pusd.copy()
    found = []
    for price, row in zip(prices, self_hosted_rows(prices, trace), strict=True):
        calls = calls_of(price, trace)
        calls = calls[bill.status[calls] == PriceStatus.PRICED]
        shared = _shared(row, len(calls))
        fee[calls] += np.array(split_exact(shared, _weights(trace, calls, row)), np.int64)
        idle = row.total_pusd - shared if row.busy_pusd is not None or not len(calls) else None
        busy = PicoUsd(shared) if idle is not None else None
        found.append(
            OwnGpus(
                row.model, row.calls, row.gpus, str(row.hours), row.total_pusd, busy,
                None if idle is None else PicoUsd(idle),
            )
        )  # fmt: skip
    listed = bill.list_pusd + (fee - bill.fee_pusd)
    return replace(bill, fee_pusd=fee, list_pusd=listed, own_gpus=tuple(found))


def _shared(row: SelfHostedRow, calls: int) -> int:
    """Dollars that go over the calls."""
    if not calls:
        return 0
    return row.total_pusd if row.busy_pusd is None else row.busy_pusd


def _weights(trace: Trace, calls: Int, row: SelfHostedRow) -> list[int]:
    """Microseconds of each call, else its tokens; all equal where both say nothing."""
    if row.busy_pusd is not None:
        weights = (np.nan_to_num(trace.latency_ms[calls]) * 1000).astype(np.int64)
    else:
        weights = trace.input_tokens[calls] + trace.output_tokens[calls]
    return weights.tolist() if weights.any() else [1] * len(calls)
