"""A bill as rows for the store: one a call, dollars in pico-dollars, NULL where they are unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill
from costopt.model.call import UsageState
from costopt.model.trace import Trace

if TYPE_CHECKING:
    import pyarrow as pa


def bill_table(trace: Trace, bill: Bill) -> pa.Table:
    """Columns of `call_costs` by the call's identity. Rows of `trace` and `bill` are the same calls."""
    import pyarrow as pa

    unknown = ~bill.priced
    estimated = trace.usage_state == UsageState.ESTIMATED
    equivalent = bill.equivalent_pusd
    return pa.table({
        "key_hi": trace.key[:, 0],
        "key_lo": trace.key[:, 1],
        "list_pusd": pa.array(bill.list_pusd, mask=unknown),
        "discount_pusd": pa.array(bill.discount_pusd, mask=unknown),
        "equivalent_pusd": pa.nulls(trace.n, pa.int64()) if equivalent is None else equivalent,
        "price_status": bill.status,
        "price_source": pa.array(price_sources(bill), pa.string()),
        "usage_state": trace.usage_state,
        "estimated_input": pa.array(trace.input_tokens, mask=~estimated),
        "estimated_output": pa.array(trace.output_tokens, mask=~estimated),
    })  # fmt: skip


def price_sources(bill: Bill) -> list[str]:
    """Which price each call has, or why it has none."""
    sources = (*bill.sources, "")
    found = [sources[row] for row in bill.rate_row.tolist()]
    if bill.reason_code is None:
        return found
    reasons = (*bill.reasons, "")
    codes: NDArray[np.int32] = bill.reason_code
    return [s or reasons[c] for s, c in zip(found, codes.tolist(), strict=True)]
