"""Where the money goes: every breakdown sums to the bill, whatever it is by."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.billing.attribution import attribute
from costopt.billing.breakdown import Row, breakdown
from costopt.billing.components import COMPONENTS
from costopt.billing.where import STANDARD, component_cells, paid_for, standard_breakdowns
from costopt.errors import UsageError
from costopt.model.bill import Bill
from costopt.model.call import Call, CallStatus
from costopt.model.trace import Trace
from costopt.money import usd_float
from tests.billing.small import LetterTokens, call, flat_bill, timed, usage

SYSTEM, TOOLS = "system:" + "s" * 40, "tools:" + "t" * 20


def story() -> Trace:
    """A planner of three steps in one session, and a lone writer; a gateway hit and a failure."""
    ask, found = "user:" + "q" * 10, "result/search:" + "r" * 30
    called, thought = "call/search:" + "c" * 10, "reasoning:" + "h" * 5
    return timed([
        call("1", [TOOLS, SYSTEM, ask], usage(fresh=70, out=10), [called], task="find"),
        call("2", [TOOLS, SYSTEM, ask, called, found], usage(fresh=50, read=60, out=20),
             ["assistant:" + "a" * 20], task="find"),
        call("3", [TOOLS, SYSTEM, ask, called, found, "user:" + "z" * 10],
             usage(fresh=20, read=100, out=10, reasoning=30), [thought, "assistant:" + "b" * 10]),
        call("4", [SYSTEM, ask], usage(fresh=50, out=5), ["assistant:" + "w" * 5], session_id="t",
             agent="writer", model="n", tenant="acme"),
        call("5", [SYSTEM, ask], usage(fresh=50, out=5), ["assistant:" + "w" * 5], session_id="t",
             agent="writer", status=CallStatus.GATEWAY_HIT),
        call("6", [SYSTEM, ask], usage(), session_id="t", agent="writer",
             status=CallStatus.FAILED),
        call("7", None, usage(fresh=40, write=10, out=3), session_id="u", agent=""),
    ])  # fmt: skip


def rows(trace: Trace, *dims: str, tz: str = "UTC", fee_pusd: int = 7) -> tuple[list[Row], Bill]:
    bill = flat_bill(trace, discount_pct=15, fee_pusd=fee_pusd)
    at = attribute(trace, bill, LetterTokens(trace.segments))
    return breakdown(trace, bill, at, dims, tz), bill


CALL_DIMS = ("provider", "model", "agent", "task", "tenant", "session", "step", "day", "hour")
ALL_DIMS = (*CALL_DIMS, "component", "tool", "workflow", "weekday", "month")


@given(st.lists(st.sampled_from(ALL_DIMS), min_size=0, max_size=4, unique=True))
@settings(max_examples=60, deadline=None)
def test_any_combination_sums_to_the_bill(dims: list[str]) -> None:
    trace = story()
    found, bill = rows(trace, *dims)
    assert sum(r.pusd for r in found) == bill.total_pusd
    assert len({r.keys for r in found}) == len(found)
    served = trace.status != CallStatus.GATEWAY_HIT
    assert sum(r.input_tokens for r in found) == trace.input_tokens[served].sum()
    assert sum(r.cached_input_tokens for r in found) == trace.cache_read[served].sum()
    assert sum(r.output_tokens for r in found) == trace.output_tokens[served].sum()


def test_by_agent() -> None:
    # List prices, in millionths: writer 50 x 1 + 5 x 10 = 100, unnamed 40 + 10 x 1.25 + 3 x 10 = 82.5.
    found, _ = rows(story(), "agent")
    assert [(r.keys, r.calls, r.sessions) for r in found] == [
        (("planner",), 3, 1), (("writer",), 3, 1), (("",), 1, 1),
    ]  # fmt: skip


def test_tokens_of_a_gateway_hit_were_not_bought() -> None:
    found, _ = rows(story(), "agent")
    writer = next(r for r in found if r.keys == ("writer",))
    assert (writer.calls, writer.input_tokens, writer.output_tokens) == (3, 50, 5)


def test_steps_stand_in_their_own_order() -> None:
    found, _ = rows(story(), "step")
    assert [r.keys[0] for r in found] == ["1", "2", "3"]
    assert found[0].to_json(["step"])["step"] == 1


def test_two_dims() -> None:
    found, _ = rows(story(), "agent", "model")
    assert {r.keys for r in found} == {
        ("planner", "m"), ("writer", "n"), ("writer", "m"), ("", "m"),
    }  # fmt: skip


def test_components_of_one_tool() -> None:
    found, _ = rows(story(), "tool", "component")
    search = {r.keys[1] for r in found if r.keys[0] == "search"}
    assert search == {"tool calls", "tool results", "output"}


def test_an_unknown_dimension_names_the_nearest() -> None:
    with pytest.raises(UsageError) as error:
        rows(story(), "agnet")
    assert "`agent`" in str(error.value)


def test_nothing_gives_nothing() -> None:
    found, _ = rows(timed([]), "agent")
    assert found == []
    assert rows(timed([]), "agent", "component")[0] == []


def standard() -> tuple[dict[str, list[dict[str, Any]]], Bill]:
    trace = story()
    bill = flat_bill(trace, fee_pusd=7)
    at = attribute(trace, bill, LetterTokens(trace.segments))
    return standard_breakdowns(trace, bill, at), bill


def test_every_standard_list_sums_to_the_bill() -> None:
    lists, bill = standard()
    assert set(lists) == {*STANDARD, "by_component", "paid_for"}
    for name, items in lists.items():
        total = sum(item["usd"] for item in items)
        assert total == pytest.approx(usd_float(bill.total_pusd), abs=1e-12), name


def test_components_split_new_resent_cached_fresh() -> None:
    lists, _ = standard()
    by = {row["component"]: row for row in lists["by_component"]}
    for row in lists["by_component"]:
        parts = sum(row[k] for k in ("new_fresh_usd", "new_cached_usd", "resent_fresh_usd",
                                     "resent_cached_usd"))  # fmt: skip
        assert parts == pytest.approx(row["usd"], abs=1e-15)
    # 40 letters in calls 1 and 4 for the first time in their session, again in 2 and 3; the failed
    # call has no tokens and the hit was not bought.
    assert (by["system"]["new_tokens"], by["system"]["resent_tokens"]) == (80, 80)
    # Calls 2 and 3 read 60 and 100 tokens: tools 20 + system 40 first.
    assert by["system"]["cached_tokens"] == 80
    assert by["tool schemas"]["cached_tokens"] == 40
    # The search result is new in call 2 and sent again in call 3, then from the cache.
    assert (by["tool results"]["new_tokens"], by["tool results"]["resent_tokens"]) == (30, 30)
    assert by["input without text"]["new_tokens"] == 50
    assert by["reasoning"]["usd"] == pytest.approx(30 * 10e-6)


def test_what_the_bill_pays_for() -> None:
    trace = story()
    bill = flat_bill(trace)
    at = attribute(trace, bill, LetterTokens(trace.segments))
    what = [row["what"] for row in paid_for(component_cells(trace, bill, at))]
    assert set(what) == {
        "answers", "reasoning", "system + tools", "new input", "history sent again",
        "tool results again", "input without text",
    }  # fmt: skip
    assert len(COMPONENTS) == 15


@st.composite
def some(draw: st.DrawFn) -> Trace:
    texts = ["system:abc", "user:defgh", "result/t:" + "r" * 50, "call/t:{}", "reasoning:hm"]
    calls: list[Call] = []
    for i in range(draw(st.integers(1, 8))):
        used = usage(*(draw(st.integers(0, 300)) for _ in range(5)))
        request = draw(st.none() | st.lists(st.sampled_from(texts), max_size=4))
        answer = draw(st.none() | st.lists(st.sampled_from(texts), max_size=2))
        status = draw(st.sampled_from(list(CallStatus)[:3]))
        calls.append(call(str(i), request, used, answer, status=status,
                          session_id=draw(st.sampled_from(["", "a", "b"])),
                          agent=draw(st.sampled_from(["", "x", "y"]))))  # fmt: skip
    return timed(calls)


@given(some(), st.lists(st.sampled_from(ALL_DIMS), max_size=3, unique=True))
@settings(max_examples=60, deadline=None)
def test_sums_on_random_traces(trace: Trace, dims: list[str]) -> None:
    found, bill = rows(trace, *dims)
    assert sum(r.pusd for r in found) == bill.total_pusd
