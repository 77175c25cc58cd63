"""Findings about tools, retries and loops. One token a letter; $1 fresh, $10 out a million tokens."""

from __future__ import annotations

from costopt.findings import (
    failed_and_retried,
    loops,
    oversized_tool_results,
    repeated_tool_calls,
    tools_never_called,
)
from costopt.findings.repeats import normal_arguments
from costopt.model.call import Call, CallStatus
from tests.billing.small import call, usage
from tests.findings.context import context_of


def sent(key: str, request: list[str], answer: list[str], **more: object) -> Call:
    """A call whose every letter is one fresh token; answers of ten tokens."""
    size = sum(len(s.partition(":")[2]) for s in request)
    return call(key, request, usage(fresh=size, out=10), answer, **more)  # type: ignore[arg-type]


def without_text(calls: list[Call]) -> list[Call]:
    for c in calls:
        c.request = c.response = None
    return calls


def tooled(count: int) -> list[Call]:
    tools = ["tools/search:" + "s" * 100, "tools/mail:" + "m" * 300]
    return [
        sent(f"c{i}", [*tools, f"user:question {i:02d}"], ["call/search:{}"]) for i in range(count)
    ]


def test_a_tool_that_is_never_called() -> None:
    (found,) = tools_never_called.find(context_of(tooled(20)))
    assert found.title == "planner: tool mail sent with every call, never called"
    assert found.usd == 20 * 300 * 1_000_000
    assert found.fix == "Leave out mail."


def test_never_needs_enough_calls() -> None:
    assert tools_never_called.find(context_of(tooled(19))) == []


def test_a_tool_called_in_the_history_is_called() -> None:
    calls = tooled(20)
    calls[3].request = [*(calls[3].request or []), *(sent("x", ["call/mail:{}"], []).request or [])]
    assert tools_never_called.find(context_of(calls)) == []


def test_an_oversized_result_is_paid_again_and_again() -> None:
    page = "result/fetch:" + "p" * 5000
    request = ["user:read it", "call/fetch:{}", page]
    calls = [sent(f"c{i}", request + ["user:more"] * i, ["assistant:done"]) for i in range(3)]
    (found,) = oversized_tool_results.find(context_of(calls))
    assert found.title == "planner: fetch results over 2,000 tokens"
    # 4,000 of 5,000 tokens in three calls.
    assert found.usd == 3 * 4000 * 1_000_000
    assert found.layer == "trim_tools"


def test_a_result_at_the_limit_is_not_oversized() -> None:
    calls = [sent("c", ["user:read it", "call/fetch:{}", "result/fetch:" + "p" * 2000], [])]
    assert oversized_tool_results.find(context_of(calls)) == []


def repeated(second: str, result: str) -> list[Call]:
    """Search, then search again, then answer."""
    first = ["user:look", 'call/search:{"q":"cats","n":1}', "result/search:" + "r" * 200]
    then = [*first, f"call/search:{second}", f"result/search:{result}"]
    return [
        sent("c0", first[:1], [first[1]]),
        sent("c1", first, [f"call/search:{second}"]),
        sent("c2", then, ["assistant:done"]),
    ]


def test_the_same_call_again_but_for_space_and_order() -> None:
    second = '{"n": 1, "q": " cats"}'
    (found,) = repeated_tool_calls.find(context_of(repeated(second, "r" * 200)))
    assert found.title == "planner: search called again with the same arguments"
    # Written once: 10 tokens at $10. Sent once: its 22 letters and 200 of the result, fresh.
    assert found.usd == 10 * 10_000_000 + (len(second) + 200) * 1_000_000
    assert found.layer == "tool_dedup"


def test_another_result_is_new_work() -> None:
    same = '{"q":"cats","n":1}'
    assert repeated_tool_calls.find(context_of(repeated(same, "x" * 200))) == []


def test_other_arguments_are_another_call() -> None:
    assert repeated_tool_calls.find(context_of(repeated('{"q":"dogs"}', "r" * 200))) == []


def test_a_tool_that_acts_may_be_called_again_but_its_result_need_not_be_repeated() -> None:
    calls = repeated('{"q":"cats","n":1}', "r" * 200)
    for c in calls:
        for s in (*(c.request or ()), *(c.response or ())):
            s.name = s.name and "book_flight"
    (found,) = repeated_tool_calls.find(context_of(calls))
    assert found.usd == 200 * 1_000_000


def test_after_a_change_the_same_question_is_a_new_one() -> None:
    first = ["user:look", "call/read:{}", "result/read:" + "r" * 200]
    then = [*first, "call/write:{}", "result/write:ok", *first[1:]]
    (found,) = repeated_tool_calls.find(context_of([sent("c", then, ["assistant:done"])]))
    assert found.usd == 200 * 1_000_000
    harmless = [*first, "call/count:{}", "result/count:ok", *first[1:]]
    (found,) = repeated_tool_calls.find(context_of([sent("c", harmless, ["assistant:done"])]))
    assert found.usd == (200 + 2) * 1_000_000


def test_arguments_are_compared_without_what_does_not_matter() -> None:
    assert normal_arguments('{"b":1, "a":" x  y"}') == normal_arguments('{"a":"x y","b":1}')
    assert normal_arguments("not json  at all") == normal_arguments(" not json at all\n")
    assert normal_arguments("[" * 100_000)  # too deep to parse: compared as text


def test_an_answer_that_was_thrown_away() -> None:
    calls = [
        sent("c0", ["user:hello"], ["assistant:hi"]),
        sent("c1", ["user:hello"], ["assistant:hi"]),
        sent("c2", ["user:hello", "assistant:hi", "user:more"], ["assistant:yes"]),
    ]
    (found,) = failed_and_retried.find(context_of(calls))
    # The first answer: 5 tokens in, 10 out.
    assert found.usd == 5 * 1_000_000 + 10 * 10_000_000
    assert found.evidence["answered_and_sent_again"] == 1


def test_a_failed_call_that_was_charged() -> None:
    calls = [sent("c0", ["user:hello"], [], status=CallStatus.FAILED)]
    (found,) = failed_and_retried.find(context_of(calls))
    assert (found.usd, found.evidence["failed_charged"]) == (105_000_000, 1)


def test_a_free_failure_costs_nothing() -> None:
    refused = call("c0", ["user:hello"], usage(), [], status=CallStatus.FAILED)
    answered = sent("c1", ["user:hello"], ["assistant:hi"])
    assert failed_and_retried.find(context_of([refused, answered])) == []


def test_equal_text_of_another_length_was_another_request() -> None:
    calls = [sent(f"c{i}", ["user:hello"], ["assistant:hi"]) for i in range(2)]
    calls[1].usage = usage(fresh=50, out=10)
    assert failed_and_retried.find(context_of(calls)) == []


def test_many_samples_of_one_request_are_wanted() -> None:
    calls = [sent(f"c{i}", ["user:hello"], ["assistant:hi"]) for i in range(5)]
    assert failed_and_retried.find(context_of(calls)) == []


def acting(actions: list[str]) -> list[Call]:
    """A session in which each action's result joins the history."""
    history, calls = ["user:go"], []
    for i, action in enumerate(actions):
        calls.append(sent(f"c{i}", list(history), [action]))
        history += [action, "result/run:ok"]
    return calls


def test_the_same_action_again_and_again() -> None:
    context = context_of(acting(["call/run:make"] * 5))
    (found,) = loops.find(context)
    assert found.title == "planner: the same action again and again in 1 session"
    # The third, fourth and fifth call: 2 + 6 n letters in after n actions, 10 tokens out.
    assert found.usd == sum((2 + 6 * n) * 1_000_000 + 100_000_000 for n in (2, 3, 4))


def test_two_actions_in_turn() -> None:
    (found,) = loops.find(context_of(acting(["call/run:a", "call/run:b"] * 3)))
    assert found.evidence["calls_in_loops"] == 2


def test_two_tries_are_no_loop() -> None:
    assert loops.find(context_of(acting(["call/run:make"] * 2 + ["call/run:test"] * 2))) == []


def test_short_answers_to_other_questions_are_no_loop() -> None:
    calls = [sent(f"c{i}", [f"user:item {i}"], ["assistant:yes"]) for i in range(6)]
    assert loops.find(context_of(calls)) == []


def test_a_twin_without_text_claims_nothing() -> None:
    for module, calls in (
        (tools_never_called, tooled(20)),
        (repeated_tool_calls, repeated('{"q":"cats","n":1}', "r" * 200)),
        (loops, acting(["call/run:make"] * 5)),
        (oversized_tool_results, [sent("c", ["result/fetch:" + "p" * 5000], [])]),
        (failed_and_retried, [sent(f"c{i}", ["user:hello"], ["assistant:hi"]) for i in range(2)]),
    ):
        context = context_of(calls)
        assert module.find(context), module
        assert module.find(context_of(without_text(calls))) == [], module
