"""The ledger under the column names of FOCUS 1.2 (the FinOps Open Cost and Usage Specification).

One row a call. `ListCost` is the list price, `ContractedCost`, `EffectiveCost` and `BilledCost` what is
left after negotiated discounts; a call of a seat (subscription) is billed 0 and has its API-equivalent
as `ListCost`. Where a price is unknown all four are empty, although the specification wants numbers: a
0 would be a lie. Columns of our own begin with `x_`.

Source: https://focus.finops.org/focus-specification/v1-2, checked 2026-11-24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from costopt.model.bill import Bill, PriceStatus
from costopt.model.trace import Trace
from costopt.report.ledger.columns import (
    batch,
    ledger_table,
    text_column,
    usd_column,
    words,
)

if TYPE_CHECKING:
    import pyarrow as pa

_CONSTANT = {
    "BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based",
    "ConsumedUnit": "Tokens", "PricingUnit": "Tokens", "ServiceCategory": "AI and Machine Learning",
    "ServiceSubcategory": "Generative AI", "ResourceType": "Model",
}  # fmt: skip
_NULL = ("BillingAccountName", "ChargeClass", "ContractedUnitPrice", "ListUnitPrice", "RegionName")
_TAGS = ("agent", "task", "tenant", "workflow", "user_segment", "user", "tool")
_OWN = ("id", "session_id", "input_tokens", "input_fresh", "cache_read", "cache_write_5m",
        "cache_write_1h", "cache_write_30m", "cache_write_12h", "cache_write_other", "output_tokens",
        "reasoning", "usage", "status", "price_source", "price_status", "recorded_usd", "step",
        "source_file", "source_line")  # fmt: skip
_SECOND_US = 1_000_000


def focus_table(trace: Trace, bill: Bill) -> pa.Table:
    """The ledger as FOCUS rows, columns in the order of their names, our own ones last."""
    own = ledger_table(trace, bill)
    columns = {**_names(trace), **_times(trace), **_money(trace, bill)}
    columns |= {f"x_{name}": own[name] for name in _OWN}
    table: dict[str, Any] = {name: columns[name] for name in sorted(columns, key=_order)}
    import pyarrow as pa

    return pa.table(table)


def _order(name: str) -> tuple[bool, str]:
    return name.startswith("x_"), name


def _names(trace: Trace) -> dict[str, Any]:
    import pyarrow as pa

    dims = {name: text_column(column) for name, column in trace.dims.items()}
    found: dict[str, Any] = {
        name: words((text,), _zeros(trace)) for name, text in _CONSTANT.items()
    }
    found |= {name: pa.nulls(trace.n, pa.string()) for name in _NULL}
    category = ("Standard", "Dynamic")
    return found | {
        "BillingAccountId": dims["workspace"], "ChargeDescription": dims["model"],
        "InvoiceIssuerName": dims["provider"], "ProviderName": dims["provider"],
        "PublisherName": dims["provider"], "PricingCategory": words(category, batch(trace)),
        "RegionId": dims["region"], "ResourceId": dims["model"], "ResourceName": dims["model"],
        "ServiceName": dims["provider"], "SkuId": dims["model"], "SkuPriceId": dims["service_tier"],
        "SubAccountId": dims["project"], "SubAccountName": dims["project"], "Tags": _tags(trace),
    }  # fmt: skip


def _zeros(trace: Trace) -> NDArray[np.int32]:
    return np.zeros(trace.n, np.int32)


def _tags(trace: Trace) -> pa.Array:
    """A JSON object a call: the names by which costs are allocated."""
    columns = [trace.dims[name] for name in (*_TAGS, "tags")]
    codes = np.column_stack([c.codes for c in columns])
    distinct, place = np.unique(codes, axis=0, return_inverse=True)
    texts = []
    for row in distinct.tolist():
        pairs = zip((*_TAGS, "tags"), columns, row, strict=True)
        filled = {name: column.values[code] for name, column, code in pairs if code}
        texts.append(orjson.dumps(filled).decode())
    return words(tuple(texts) or ("{}",), place.reshape(-1))


def _times(trace: Trace) -> dict[str, Any]:
    """Half-open periods in UTC: the call's seconds, the calendar month."""
    import pyarrow as pa

    at = np.where(trace.has_time, trace.at_us, 0)
    start = at // _SECOND_US
    latency_us = np.nan_to_num(trace.latency_ms, nan=0.0, posinf=0.0, neginf=0.0).clip(0, 1e12)
    end = np.maximum(start + 1, -(-(at + (latency_us * 1000).astype(np.int64)) // _SECOND_US))
    month = start.astype("datetime64[s]").astype("datetime64[M]")
    seconds = {
        "ChargePeriodStart": start, "ChargePeriodEnd": end,
        "BillingPeriodStart": month.astype("datetime64[s]").astype(np.int64),
        "BillingPeriodEnd": (month + 1).astype("datetime64[s]").astype(np.int64),
    }  # fmt: skip
    kind = pa.timestamp("s", "UTC")
    return {n: pa.array(v, pa.int64(), mask=~trace.has_time).cast(kind) for n, v in seconds.items()}


def _money(trace: Trace, bill: Bill) -> dict[str, Any]:
    import pyarrow as pa

    seat = bill.status == PriceStatus.SUBSCRIPTION
    known = bill.priced | seat
    equivalent = bill.list_pusd if bill.equivalent_pusd is None else bill.equivalent_pusd
    net = usd_column(np.where(seat, 0, bill.net_pusd), known)
    sent, _, written = trace.billed_tokens
    tokens = sent + written
    unknown = trace.usage_state == 2  # missing: no count to show
    quantity = pa.array(tokens, mask=unknown)
    return {
        "ListCost": usd_column(np.where(seat, equivalent, bill.list_pusd), known),
        "ContractedCost": net, "EffectiveCost": net, "BilledCost": net,
        "ConsumedQuantity": quantity, "PricingQuantity": quantity,
    }  # fmt: skip
