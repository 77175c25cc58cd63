"""The ledger's columns: every call with its tokens, its dollars (exact decimal text) and its names.

Unknown dollars are null, never 0. `input_tokens` is all input, cached included; `output_tokens` all
output, reasoning included; both with what other models took inside the call (an advisor).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill, PriceStatus
from costopt.model.call import CallStatus, UsageState
from costopt.model.leaf import Leaf
from costopt.model.trace import Categorical, Trace
from costopt.money import PICO_PER_USD

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "id", "session_id", "timestamp", "provider", "model", "agent", "task", "tenant", "service_tier",
    "input_tokens", "input_fresh", "cache_read", "cache_write_5m", "cache_write_1h",
    "cache_write_30m", "cache_write_12h", "cache_write_other", "output_tokens", "reasoning",
    "usage", "status", "usd", "recorded_usd", "price_source", "price_status", "workflow",
    "user_segment", "user", "project", "workspace", "api_key_hash", "tags", "region", "batch",
    "latency_ms", "list_usd", "discount_usd", "tool", "step", "source_file", "source_line", "requests",
)  # fmt: skip
_UNPRICED = (PriceStatus.NO_MODEL, PriceStatus.NO_UNIT, PriceStatus.NO_DATE)
_STATUS = ("ok", "failed", "gateway_hit", "unpriced")
_USAGE = tuple(state.name.lower() for state in UsageState)
_PRICE = tuple(status.name.lower() for status in PriceStatus)


def ledger_table(trace: Trace, bill: Bill) -> pa.Table:
    """The ledger; rows are the trace's rows."""
    import pyarrow as pa

    dims = {name: text_column(column) for name, column in trace.dims.items()}
    session = Categorical(trace.session, trace.sessions)
    columns: dict[str, Any] = {
        **dims, **_tokens(trace), **_dollars(trace, bill),
        "id": pa.array(trace.id, pa.string()),
        "session_id": text_column(session),
        "timestamp": pa.array(trace.at_us, pa.timestamp("us", "UTC"), mask=~trace.has_time),
        "usage": words(_USAGE, trace.usage_state),
        "status": words(_STATUS, statuses(trace, bill)),
        "batch": batch(trace),
        "latency_ms": pa.array(trace.latency_ms, mask=np.isnan(trace.latency_ms)),
        "step": trace.step,
        "requests": trace.requests,
        "source_line": trace.source_line,
    }  # fmt: skip
    return pa.table({name: columns[name] for name in COLUMNS})


def _tokens(trace: Trace) -> dict[str, Any]:
    """Counts; null on a call without usage: 0 would say that it used none."""
    import pyarrow as pa

    leaves, (sent, read, written) = trace.billed_leaves, trace.billed_tokens
    fresh = leaves[:, [Leaf.INPUT_FRESH, Leaf.INPUT_AUDIO, Leaf.INPUT_IMAGE]].sum(axis=1)
    writes = {
        leaf.name.lower(): leaves[:, leaf]
        for leaf in Leaf
        if Leaf.CACHE_WRITE_5M <= leaf <= Leaf.CACHE_WRITE_OTHER
    }
    counts = {
        "input_tokens": sent, "input_fresh": fresh, "cache_read": read,
        **writes, "output_tokens": written,
        "reasoning": leaves[:, Leaf.OUTPUT_REASONING],
    }  # fmt: skip
    unknown = trace.usage_state == UsageState.MISSING
    return {name: pa.array(values, mask=unknown) for name, values in counts.items()}


def _dollars(trace: Trace, bill: Bill) -> dict[str, Any]:
    known = bill.priced
    return {
        "usd": usd_column(bill.net_pusd, known),
        "list_usd": usd_column(bill.list_pusd, known),
        "discount_usd": usd_column(bill.discount_pusd, known),
        "recorded_usd": usd_column(trace.recorded_pusd, trace.has_recorded),
        "price_source": price_source(bill),
        "price_status": words(_PRICE, bill.status),
    }


def statuses(trace: Trace, bill: Bill) -> NDArray[np.int8]:  # [call], CallStatus
    """What became of each call; a success without a price is `UNPRICED`."""
    unpriced = np.isin(bill.status, _UNPRICED) & (trace.status == CallStatus.OK)
    return np.where(unpriced, np.int8(CallStatus.UNPRICED), trace.status)


def batch(trace: Trace) -> NDArray[np.bool_]:  # [call]
    """Whether the call was served at the batch tier."""
    tiers = trace.dims["service_tier"]
    is_batch = np.array([value == "batch" for value in tiers.values], np.bool_)
    found: NDArray[np.bool_] = is_batch[tiers.codes]
    return found


def price_source(bill: Bill) -> pa.Array:
    """Which price each call has; where it has none, why."""
    values = (*bill.sources, *bill.reasons, "")
    codes = bill.rate_row.astype(np.int64)
    reasons = np.full(len(codes), -1) if bill.reason_code is None else bill.reason_code
    why = np.where(reasons >= 0, reasons + len(bill.sources), len(values) - 1)
    return words(values, np.where(codes >= 0, codes, why))


def text_column(column: Categorical) -> pa.Array:
    """A text column as Arrow's dictionary."""
    return words(column.values, column.codes)


def words(values: tuple[str, ...], codes: NDArray[Any]) -> pa.Array:
    """Codes with their words, as Arrow's dictionary."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32)), pa.array(values, pa.string())
    )


def usd_column(amounts: NDArray[np.int64], known: NDArray[np.bool_]) -> pa.Array:
    """Exact decimal dollars as text; null where unknown."""
    import pyarrow as pa

    texts = [decimal_text(a) for a in amounts.tolist()]
    return pa.array(np.array(texts, object), pa.string(), mask=~known)


def decimal_text(amount: int) -> str:
    """As `money.usd_text`, by integers alone: a ledger has millions of them."""
    whole, rest = divmod(abs(amount), PICO_PER_USD)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}.{rest:012d}".rstrip("0") if rest else f"{sign}{whole}"
