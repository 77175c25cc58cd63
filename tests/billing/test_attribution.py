"""The bill laid over its parts: it sums exactly, and every part pays its own price."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.billing.attribution import attribute
from costopt.billing.attribution_plain import PlainInput, input_parts, output_parts
from costopt.billing.context import Attribution
from costopt.billing.pools import pools_of
from costopt.billing.segment_counts import per_call
from costopt.model.bill import Bill
from costopt.model.call import Call, CallStatus
from costopt.model.trace import Trace
from tests.billing.small import LetterTokens, call, flat_bill, timed, usage


def laid(trace: Trace, bill: Bill | None = None) -> Attribution:
    return attribute(trace, bill or flat_bill(trace), LetterTokens(trace.segments))


def sums_to_the_bill(trace: Trace, bill: Bill, at: Attribution) -> bool:
    whole = per_call(trace.request, at.use_pusd) + at.hidden_pusd + at.reasoning_pusd + at.fee_pusd
    whole += per_call(trace.response, at.out_pusd) + at.out_other_pusd
    return bool((whole == bill.net_pusd).all())


def test_cached_input_fills_a_request_from_its_front() -> None:
    # 10 letters each; 15 of 30 read from the cache at $0.10, 15 fresh at $1 a million tokens.
    trace = timed([call("a", ["system:" + "x" * 10, "user:" + "y" * 10, "user:" + "z" * 10],
                        usage(fresh=15, read=15))])  # fmt: skip
    at = laid(trace)
    assert at.use_tokens.tolist() == [10, 10, 10]
    assert at.use_cached_tokens.tolist() == [10, 5, 0]
    assert at.use_pusd.tolist() == [1_000_000, 500_000 + 5_000_000, 10_000_000]


def test_then_writes_then_fresh() -> None:
    # Read 0.10, written 1.25, fresh 1.00 a million tokens.
    trace = timed([call("a", ["system:" + "x" * 10, "user:" + "y" * 10, "user:" + "z" * 10],
                        usage(read=10, write=10, fresh=10))])  # fmt: skip
    assert laid(trace).use_pusd.tolist() == [1_000_000, 12_500_000, 10_000_000]


def test_counts_are_scaled_to_the_reported_input() -> None:
    # 30 letters, 60 tokens reported: a surplus of 30 is wire overhead, no hidden prompt.
    trace = timed([call("a", ["user:" + "x" * 10, "user:" + "y" * 20], usage(fresh=60))])
    at = laid(trace)
    assert at.use_tokens.tolist() == [20, 40]
    assert at.hidden_tokens.tolist() == [0]


def test_a_surplus_above_the_wire_overhead_is_hidden_not_smeared() -> None:
    trace = timed([call("a", ["user:" + "x" * 10, "user:" + "y" * 20], usage(fresh=100))])
    at = laid(trace)
    assert at.use_tokens.tolist() == [10, 20]
    assert at.hidden_tokens.tolist() == [70]
    assert at.hidden_pusd.tolist() == [70_000_000]


def test_without_text_all_input_is_hidden() -> None:
    trace = timed([call("a", None, usage(fresh=70, read=30, out=5))])
    at = laid(trace)
    assert (at.hidden_tokens.tolist(), at.hidden_cached_tokens.tolist()) == ([100], [30])
    assert at.hidden_pusd.tolist() == [73_000_000]
    assert at.out_other_pusd.tolist() == [50_000_000]


def test_a_stable_surplus_is_a_hidden_prefix_that_stands_first() -> None:
    calls = []
    for s in range(12):
        history = ["user:" + f"{s:02d}" + "q" * 98]
        for step in range(3):
            shown = 100 * len(history)
            calls.append(call(f"{s}-{step}", list(history), usage(fresh=shown, read=500),
                              session_id=f"s{s}"))  # fmt: skip
            history += [f"assistant:{s:02d}{step}" + "a" * 97]
    at = laid(timed(calls))
    assert set(at.hidden_tokens.tolist()) == {500}
    assert set(at.hidden_cached_tokens.tolist()) == {500}
    assert not at.use_cached_tokens.any()


def test_resent_means_an_answered_call_of_the_session_held_it() -> None:
    one, two = ["system:S"], ["system:S", "user:U"]
    trace = timed([
        call("a", two, usage(fresh=2), status=CallStatus.FAILED),
        call("b", one, usage(fresh=1)),
        call("c", two, usage(fresh=2)),
        call("d", two, usage(fresh=2), session_id="other"),
        call("e", ["system:S", "user:U", "user:U"], usage(fresh=3)),
    ])  # fmt: skip
    rows = [laid(trace).use_resent[a:b].tolist()
            for a, b in zip(trace.request.offsets, trace.request.offsets[1:], strict=False)]  # fmt: skip
    assert rows == [[False, False], [False], [True, False], [False, False], [True, True, True]]


def test_reasoning_is_paid_once() -> None:
    # The visible summary belongs to the 40 reasoning tokens; the answer pays for its own 10.
    trace = timed([call("a", ["user:hi"], usage(fresh=2, out=10, reasoning=40),
                        ["reasoning:so many words", "assistant:0123456789"])])  # fmt: skip
    at = laid(trace)
    assert at.out_tokens.tolist() == [0, 10]
    assert at.out_pusd.tolist() == [0, 100_000_000]
    assert at.reasoning_pusd.tolist() == [400_000_000]


def test_output_far_above_the_visible_text_is_named_not_smeared() -> None:
    trace = timed([call("a", ["user:hi"], usage(fresh=2, out=1000), ["assistant:0123456789"])])
    at = laid(trace)
    assert at.out_tokens.tolist() == [10]
    assert at.out_pusd.tolist() == [100_000_000]
    assert at.out_other_pusd.tolist() == [9_900_000_000]


NUMBERS = st.integers(0, 400)
TEXTS = st.lists(st.sampled_from(["system:abc", "user:defgh", "user:", "result/t:" + "r" * 50,
                                  "call/t:{}", "reasoning:hm"]), max_size=5)  # fmt: skip


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    calls: list[Call] = []
    for i in range(draw(st.integers(1, 12))):
        used = usage(*(draw(NUMBERS) for _ in range(5)))
        status = draw(st.sampled_from([CallStatus.OK, CallStatus.OK, CallStatus.FAILED]))
        calls.append(call(str(i), draw(st.none() | TEXTS), used, draw(st.none() | TEXTS),
                          session_id=draw(st.sampled_from("ab")), status=status))  # fmt: skip
    return timed(calls)


@given(traces(), st.sampled_from([0, 15, 33]), st.sampled_from([0, 7]))
@settings(max_examples=60, deadline=None)
def test_parts_sum_to_the_bill_and_the_fast_path_is_the_plain_one(
    trace: Trace, discount_pct: int, fee_pusd: int
) -> None:
    bill = flat_bill(trace, discount_pct, fee_pusd)
    at = laid(trace, bill)
    assert sums_to_the_bill(trace, bill, at)
    assert (per_call(trace.request, at.use_tokens) + at.hidden_tokens == trace.input_tokens).all()
    pools = pools_of(bill)
    sizes = trace.segments.n_bytes
    for row in range(trace.n):
        uses = slice(*trace.request.offsets[row : row + 2])
        paid = PlainInput(
            int(trace.cache_read[row]), int(trace.cache_write[row]), int(trace.leaves[row, 0]),
            int(pools.read[row]), int(pools.write[row]), int(pools.fresh[row]),
        )  # fmt: skip
        counts = sizes[trace.request.row(row)].tolist()
        tokens, cached, pusd = input_parts(counts, int(at.hidden_tokens[row]), paid)
        assert tokens == [at.hidden_tokens[row], *at.use_tokens[uses]]
        assert cached == [at.hidden_cached_tokens[row], *at.use_cached_tokens[uses]]
        assert pusd == [at.hidden_pusd[row], *at.use_pusd[uses]]
        same_answer(trace, bill, at, row)


def same_answer(trace: Trace, bill: Bill, at: Attribution, row: int) -> None:
    uses = slice(*trace.response.offsets[row : row + 2])
    ids = trace.response.row(row)
    reasoning = int(trace.leaves[row, 11])
    thinking = (trace.segments.kind[ids] == 7) & (reasoning > 0)
    counts = np.where(thinking, 0, trace.segments.n_bytes[ids]).tolist()
    reported = int(trace.output_tokens[row]) - reasoning
    tokens, pusd, other = output_parts(counts, reported, int(pools_of(bill).visible[row]))
    assert tokens == at.out_tokens[uses].tolist()
    assert pusd == at.out_pusd[uses].tolist()
    assert other == at.out_other_pusd[row]


class HugeTokens(LetterTokens):
    """300 million tokens a letter."""

    def count(self, segments: np.ndarray, model: str) -> np.ndarray:
        return super().count(segments, model) * 300_000_000


def test_amounts_beyond_63_bits_do_not_overflow() -> None:
    # 900 million tokens at $999 a million: 9e17 pico-dollars times 9e8 tokens is no int64.
    trace = timed([call("a", ["user:ab", "user:c"], usage(fresh=900_000_000))])
    bill = flat_bill(trace)
    big = Bill(bill.leaf_pusd * 999, bill.fee_pusd, bill.list_pusd * 999,
               bill.discount_pusd, bill.status, bill.rate_row, bill.sources)  # fmt: skip
    at = attribute(trace, big, HugeTokens(trace.segments))
    assert at.use_pusd.tolist() == [600_000_000 * 999_000_000, 300_000_000 * 999_000_000]
    assert sums_to_the_bill(trace, big, at)
