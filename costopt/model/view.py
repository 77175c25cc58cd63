"""The virtual trace: the calls as a policy would have sent them. Columns are sealed.

A view starts as the trace itself and is replaced, never changed: an edit copies only the columns it
names. Billing prices a view; layers read one and propose edits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.model.call import CallStatus
from costopt.model.made import Made
from costopt.model.own_fleet import as_logged
from costopt.model.trace import Categorical, Ragged, SegmentTable, Trace


class Column(StrEnum):
    """The columns that an effect may edit."""

    SENT = "sent"
    PROVIDER = "provider"
    MODEL = "model"
    SERVICE_TIER = "service_tier"
    REGION = "region"
    LEAVES = "leaves"
    REQUEST = "request"
    RESPONSE = "response"
    MAX_TOKENS = "max_tokens"
    AT_US = "at_us"
    MADE = "made"
    """Segments that the effect adds; requests and answers refer to them by id."""


@dataclass(frozen=True)
class View:
    """Every array has the call as its first axis; rows are the rows of `trace`."""

    trace: Trace
    sent: NDArray[
        np.bool_
    ]  # [call]: False: answered by a cache or dropped, the provider sees nothing
    provider: Categorical
    model: Categorical
    service_tier: Categorical
    region: Categorical
    leaves: NDArray[np.int64]  # [call, leaf]
    request: Ragged
    response: Ragged
    max_tokens: NDArray[np.int32]  # [call]
    at_us: NDArray[np.int64]  # [call]
    made: Made

    @property
    def segments(self) -> SegmentTable:
        """All segments that this view's requests and answers refer to."""
        return self.made.table

    @classmethod
    def of(cls, trace: Trace) -> View:
        """The recorded calls, unedited. Failed calls and gateway hits count as not charged."""
        dims = trace.dims
        sent = trace.status != CallStatus.GATEWAY_HIT
        return cls(
            trace, sent, as_logged(dims["provider"]), dims["model"], dims["service_tier"], dims["region"],
            trace.leaves, trace.request, trace.response, trace.max_tokens, trace.at_us,
            Made.none(trace.segments),
        )  # fmt: skip

    def edited(self, **columns: Any) -> View:
        """A new view with these columns in place of its own (names of `Column`)."""
        unknown = set(columns) - {c.value for c in Column}
        if unknown:
            raise KeyError(f"not a column of a view: {sorted(unknown)}")
        return replace(self, **columns)
