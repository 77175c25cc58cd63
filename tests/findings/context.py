"""A whole audit context out of a few calls: fake prices, one token a letter, texts at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.attribution import attribute
from costopt.billing.context import AuditContext, PromptCacheReport
from costopt.billing.meter import meter
from costopt.model.call import Call
from costopt.model.identity import segment_digest
from costopt.model.trace import Trace
from costopt.model.view import View
from tests.billing.small import LetterTokens, timed
from tests.fakes import FakeBook


@dataclass(frozen=True)
class Kept:
    """Texts by segment number."""

    texts: tuple[str | None, ...]

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        return [self.texts[int(s)] for s in segments]


def texts_of(trace: Trace, calls: list[Call]) -> Kept:
    by_digest = {
        segment_digest(s): s.text for c in calls for s in (*(c.request or ()), *(c.response or ()))
    }
    rows = [int(a).to_bytes(8, "big") + int(b).to_bytes(8, "big") for a, b in trace.segments.digest]
    return Kept(tuple(by_digest.get(row) for row in rows))


def context_of(
    calls: list[Call], book: FakeBook | None = None, gap_s: float = 10.0
) -> AuditContext:
    """The audit of these calls, one after the other."""
    book = book or FakeBook()
    trace = timed(calls, gap_s)
    tokens = LetterTokens(trace.segments)
    bill = meter(View.of(trace), book)
    attribution = attribute(trace, bill, tokens)
    none = np.full(trace.n, -1, np.int64)
    report = PromptCacheReport(None, None, None, None, (), None, none * 0, none)
    return AuditContext(trace, bill, attribution, report, book, tokens, texts_of(trace, calls))
