"""Counted usage is the bill only where the log reports none; else it stands beside it."""

from __future__ import annotations

import numpy as np

from costopt.billing.usage_estimate import estimates
from costopt.model.call import Call, UsageState, missing_usage
from costopt.model.select import select
from tests.billing.small import LetterTokens, call, timed, usage


def silent(key: str, text: str = "hello") -> Call:
    return call(key, [f"user:{text}"], missing_usage(), ["assistant:hi"])


def test_a_log_without_any_usage_is_billed_by_its_text() -> None:
    trace = timed([silent("a"), silent("b")])
    found = estimates(trace, trace, LetterTokens(trace.segments))
    assert not found.beside
    assert (found.billed.usage_state == UsageState.ESTIMATED).all()


def test_beside_reported_usage_counted_calls_are_not_in_the_bill() -> None:
    trace = timed([call("a", ["user:x"], usage(1, out=1), ["assistant:y"]), silent("b")])
    found = estimates(trace, trace, LetterTokens(trace.segments))
    assert found.beside and found.billed is trace
    assert found.shown.usage_state.tolist() == [UsageState.REPORTED, UsageState.ESTIMATED]


def test_a_slice_is_judged_by_all_that_was_read() -> None:
    full = timed([call("a", ["user:x"], usage(1, out=1), ["assistant:y"]), silent("b")])
    part = select(full, np.array([1]))
    assert estimates(part, full, LetterTokens(part.segments)).beside
