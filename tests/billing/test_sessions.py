"""Cost per session by nearest rank, the dearest sessions, and what is sent again."""

from __future__ import annotations

import pytest

from costopt.billing.resent import resent_uses
from costopt.billing.segment_counts import chunks, counted, per_call
from costopt.billing.sessions import dearest_sessions, session_dollars, session_pusd
from costopt.model.call import Call, CallStatus
from costopt.model.trace import Trace
from tests.billing.small import LetterTokens, call, flat_bill, timed, usage


def sessions_of(*dollars: int) -> Trace:
    calls: list[Call] = []
    for i, usd in enumerate(dollars):
        calls.append(call(f"{i}a", None, usage(fresh=usd * 500_000), session_id=f"s{i}"))
        calls.append(call(f"{i}b", None, usage(fresh=usd * 500_000), session_id=f"s{i}"))
    return timed(calls)


def test_nearest_rank() -> None:
    # Sessions of $1 .. $10: half of them cost at most $5, 95 % at most $10.
    trace = sessions_of(*range(10, 0, -1))
    found = session_dollars(trace, flat_bill(trace))
    assert (found.mean, found.p50, found.p95, found.p99) == (5.5, 5.0, 10.0, 10.0)


def test_one_session_is_every_percentile() -> None:
    trace = sessions_of(3)
    found = session_dollars(trace, flat_bill(trace))
    assert (found.mean, found.p50, found.p99) == (3.0, 3.0, 3.0)


def test_no_session() -> None:
    trace = timed([])
    assert session_dollars(trace, flat_bill(trace)).mean == 0.0


def test_sessions_sum_to_the_bill() -> None:
    trace = sessions_of(5, 1, 4)
    bill = flat_bill(trace)
    assert sum(session_pusd(trace, bill)[1]) == bill.total_pusd


def test_the_dearest_first_ties_by_appearance() -> None:
    trace = sessions_of(2, 7, 2, 5)
    found = dearest_sessions(trace, flat_bill(trace), 3)
    assert [trace.sessions[code] for code, _ in found] == ["s1", "s3", "s0"]


def resent(*calls: Call) -> list[list[bool]]:
    trace = timed(list(calls))
    flags = resent_uses(trace)
    bounds = trace.request.offsets
    return [flags[a:b].tolist() for a, b in zip(bounds[:-1], bounds[1:], strict=True)]


def test_resent_is_within_a_session() -> None:
    one = call("a", ["system:S", "user:U"], usage(2))
    other = call("b", ["system:S", "user:U"], usage(2), session_id="other")
    again = call("c", ["system:S", "user:U", "user:V"], usage(3))
    assert resent(one, other, again) == [[False, False], [False, False], [True, True, False]]


def test_a_segment_twice_in_its_first_request_is_new_both_times() -> None:
    assert resent(call("a", ["user:U", "user:U"], usage(2))) == [[False, False]]


@pytest.mark.parametrize("status", [CallStatus.FAILED, CallStatus.GATEWAY_HIT])
def test_what_no_provider_answered_was_not_sent_before(status: CallStatus) -> None:
    first = call("a", ["user:U"], usage(1), status=status)
    assert resent(first, call("b", ["user:U"], usage(1))) == [[False], [False]]


def test_counts_in_chunks_are_the_same() -> None:
    trace = timed([call(str(i), [f"user:{'x' * i}", "system:S"], usage(5)) for i in range(6)])
    counts = counted(trace.request, trace, LetterTokens(trace.segments))
    assert counts.tolist() == [n for i in range(6) for n in (i, 1)]
    assert per_call(trace.request, counts).tolist() == [i + 1 for i in range(6)]
    assert list(chunks(trace.request, size=4)) == [(0, 2), (2, 4), (4, 6)]
    assert list(chunks(trace.request, size=1)) == [(i, i + 1) for i in range(6)]
