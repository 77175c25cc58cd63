"""Findings about the provider's prompt cache. The fake cache: from 1,024 tokens, steps of 128, five
minutes. Fake prices for a million tokens: $1 fresh, $0.10 read, $1.25 written, $10 out; in pico-dollars
1,000,000, 100,000, 1,250,000 and 10,000,000 a token. One token a letter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from costopt.billing.context import AuditContext
from costopt.findings import (
    cache_breakers,
    history_resent,
    long_pauses,
    resent_system_prompt,
    short_prefix,
)
from costopt.model.call import Call
from costopt.prices.contract import CacheRules
from tests.billing.small import call, usage
from tests.fakes import FakeBook
from tests.findings.context import context_of


class MarkedBook(FakeBook):
    """A cache that serves only what was marked, as Anthropic's."""

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        return replace(
            super().cache_rules(provider, model, at_us), mode="breakpoint", step_tokens=1
        )


class BookWithoutCache(FakeBook):
    """A model from before there were prompt caches."""

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        return replace(super().cache_rules(provider, model, at_us), mode="none")


def letters(*requests: list[str], read: int = 0, **more: object) -> list[Call]:
    """Calls with these requests, every letter one input token, one token of answer."""
    calls = []
    for i, request in enumerate(requests):
        size = sum(len(s.partition(":")[2]) for s in request)
        cached = read if i else 0
        used = usage(fresh=size - cached, read=cached, out=1)
        calls.append(call(f"c{i}", request, used, [f"assistant:answer {i}"], **more))  # type: ignore[arg-type]
    return calls


def clocks(count: int, **more: object) -> list[Call]:
    """A clock at the start of a system prompt of 2,000 letters, the rest the same."""
    return letters(*(
        [f"system:Time 10:0{i}:00. " + "s" * 1985, "user:" + "u" * 1000] for i in range(count)
    ), **more)  # fmt: skip


def test_a_clock_in_the_system_prompt() -> None:
    found = cache_breakers.find(context_of(clocks(4)))
    assert [f.title for f in found] == ["planner: clock in system prompt breaks the cache"]
    # Each of the three later calls has 3,000 tokens and parts from the call before at letter 9. Without
    # the clock's last four letters 2,996 could be read, in whole steps of 128: 2,944, saving $0.90 each.
    assert found[0].usd == 3 * 2944 * 900_000
    assert len(found[0].calls) == 3
    assert found[0].layer == "prompt_layout"
    assert "⟦" in found[0].evidence["before"] and found[0].evidence["byte"] == 9


def test_no_clock_no_finding() -> None:
    calls = letters(*(["system:" + "s" * 2000, "user:" + "u" * 1000] for _ in range(4)), read=2944)
    assert cache_breakers.find(context_of(calls)) == []


def test_a_question_at_the_end_is_no_breaker() -> None:
    calls = letters(*(["system:" + "s" * 2000, f"user:question {i}" + "u" * i] for i in range(5)))
    assert cache_breakers.find(context_of(calls)) == []


def test_a_twin_without_text_claims_nothing() -> None:
    calls = clocks(4)
    for c in calls:
        c.request = c.response = None
    context = context_of(calls)
    for module in (cache_breakers, resent_system_prompt, history_resent, short_prefix, long_pauses):
        assert module.find(context) == []


def test_reordered_tools() -> None:
    tools = ["tools/a:" + "a" * 600, "tools/b:" + "b" * 600, "tools/c:" + "c" * 600]
    orders = [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1], [2, 0, 1]]
    calls = letters(*([tools[i] for i in order] + ["user:" + "u" * 400] for order in orders))
    (found,) = cache_breakers.find(context_of(calls))
    assert found.title == "planner: reordered tools break the cache"
    # 2,200 tokens, none shared from the first on: 2,176 in whole steps could be read, four times.
    assert found.usd == 4 * 2176 * 900_000


def test_an_id_across_sessions_of_one_call_each() -> None:
    calls = letters(*(
        [f"system:Request 9f3{i}c2d7ab. " + "s" * 2000, "user:" + "u" * 100] for i in range(5)
    ))  # fmt: skip
    for i, c in enumerate(calls):
        c.session_id = f"s{i}"
    (found,) = cache_breakers.find(context_of(calls))
    assert found.title == "planner: id in system prompt breaks the cache"
    assert len(found.calls) == 4


def test_history_that_is_edited_in_place() -> None:
    calls = letters(*(
        ["system:" + "s" * 1100, f"user:note {i:02d} " + "n" * 300, "assistant:" + "a" * 900,
         "user:" + "u" * 700] for i in range(4)
    ), read=1024)  # fmt: skip
    (found,) = cache_breakers.find(context_of(calls))
    assert found.title == "planner: counter in user message breaks the cache"
    # 3,008 tokens; the 1,024 that are read stand in front. But for the two digits all could be read:
    # 3,006, in whole steps 2,944, less 1,024 (1,105 shared before: 1,024 in steps).
    assert found.usd == 3 * (2944 - 1024) * 900_000


def test_a_sliding_window_pays_for_what_it_drops() -> None:
    turns = ["user:" + letter * 600 for letter in "abcdefgh"]
    calls = letters(*(["system:" + "s" * 1100, *turns[i : i + 4]] for i in range(5)), read=1024)
    (found,) = cache_breakers.find(context_of(calls))
    assert found.title == "planner: history cut breaks the cache"
    # Behind the cut 1,800 of 3,500 tokens are the same as before: 2,900 could be read, 2,816 in steps,
    # 1,792 more than were. The dropped turn of 600 tokens would be sent, and read, once more.
    assert found.usd == 4 * ((2816 - 1024) * 900_000 - 600 * 100_000)


def test_a_provider_that_serves_nothing_would_serve_nothing_more() -> None:
    """Twenty unbroken pairs that read nothing: mending the clock would not help."""
    unbroken, history = [], ["system:" + "x" * 1500]
    for i in range(30):
        history = [*history, f"user:{i:03d}" + "z" * 20]
        unbroken += [
            call(f"h{i}", list(history), usage(fresh=1500 + 23 * (i + 1), out=1), session_id="a")
        ]
    assert cache_breakers.find(context_of([*unbroken, *clocks(5, session_id="b")])) == []


def chat(steps: int, read: bool, **more: object) -> list[Call]:
    """A system prompt of 1,500 letters and a message of 100 more in each step."""
    request, calls, before = ["system:" + "s" * 1500], [], 0
    for i in range(steps):
        request = [*request, f"user:{i:02d}" + "u" * 98]
        size = 1500 + 100 * (i + 1)
        cached = before // 128 * 128 if read else 0
        calls.append(call(f"t{i}", list(request), usage(fresh=size - cached, read=cached, out=1),
                          **more))  # type: ignore[arg-type]  # fmt: skip
        before = size
    return calls


def test_a_resent_system_prompt_that_the_cache_misses_is_a_hint() -> None:
    (found,) = resent_system_prompt.find(context_of(chat(3, read=False)))
    # Steps 2 and 3 begin with 1,600 and 1,700 known tokens: 1,536 and 1,664 in steps could be read,
    # 1,500 and 1,500 of them system prompt.
    assert found.usd == 2 * 1500 * 900_000
    assert found.estimated and "promises none" in found.evidence["basis"]
    assert found.already_saved == 0


def test_what_the_cache_has_saved_is_said_and_not_claimed() -> None:
    (found,) = resent_system_prompt.find(context_of(chat(3, read=True)))
    assert found.usd == 0
    assert found.already_saved == 2 * 1500 * 900_000
    (history,) = history_resent.find(context_of(chat(3, read=True)))
    # Read beyond the system prompt: 36 in step 2 (1,536), 164 in step 3 (1,664).
    assert (history.usd, history.already_saved) == (0, (36 + 164) * 900_000)


def test_history_that_could_have_been_read() -> None:
    (found,) = history_resent.find(context_of(chat(3, read=False)))
    assert found.usd == (36 + 164) * 900_000


def test_unmarked_prompts_pay_for_marking() -> None:
    (found,) = resent_system_prompt.find(context_of(chat(3, read=False), MarkedBook()))
    # The first call writes 1,500 tokens at $1.25 instead of $1; the other two read them at $0.10.
    assert found.usd == 2 * 1500 * 900_000 - 1500 * 250_000
    assert not found.estimated and "cache_control" in found.fix


def test_without_a_cache_only_a_shorter_prompt_helps() -> None:
    (found,) = resent_system_prompt.find(context_of(chat(3, read=False), BookWithoutCache()))
    assert found.usd == 2 * 1000 * 1_000_000
    assert found.estimated and found.layer == "compress"


def test_a_single_call_resends_nothing() -> None:
    context = context_of(chat(1, read=False))
    assert resent_system_prompt.find(context) == history_resent.find(context) == []


def test_a_prefix_just_under_the_minimum() -> None:
    calls = letters(*(["system:" + "s" * 900, f"user:{i:02d}" + "u" * 30] for i in range(3)))
    (found,) = short_prefix.find(context_of(calls))
    # 124 letters of padding: 1,024 read at $0.10 instead of 900 fresh at $1, twice; the first call pays
    # for the padding in full.
    assert found.usd == 2 * (900 * 900_000 - 124 * 100_000) - 124 * 1_000_000
    assert "124 more" in found.fix


def test_a_prefix_far_under_the_minimum_is_not_near() -> None:
    calls = letters(*(["system:" + "s" * 700, f"user:{i:02d}" + "u" * 30] for i in range(3)))
    assert short_prefix.find(context_of(calls)) == []


def paused(gap_s: float) -> AuditContext:
    return context_of(chat(3, read=False), gap_s=gap_s)


def test_a_pause_longer_than_the_cache_lives() -> None:
    (found,) = long_pauses.find(paused(400.0))
    # Read after the pauses: 1,536 and 1,664 tokens, saving $0.90 each. A short call after five minutes
    # of every pause reads 1,536 and 1,664 (the prompt in whole steps); after the last call twelve read
    # its 1,792. Each has one token of answer at $10. That costs more than it saves but for this:
    pings = (1536 + 1664 + 12 * 1792) * 100_000 + 14 * 10_000_000
    assert found.usd == (1536 + 1664) * 900_000 - pings
    assert "Keep the entry alive" in found.fix


def test_where_no_way_pays_for_all_a_known_pause_is_a_hint() -> None:
    # Twenty sessions of one call, which short calls for an hour would keep alive for nothing.
    others = letters(*(["user:" + "q" * 1500] for _ in range(20)))
    for i, c in enumerate(others):
        c.id = c.key = f"other{i}"
        c.session_id = f"other{i}"
    (found,) = long_pauses.find(context_of([*chat(3, read=False), *others], gap_s=400.0))
    # One short call in each pause, reading 1,536 and 1,664 tokens.
    assert found.usd == (1536 + 1664) * (900_000 - 100_000) - 2 * 10_000_000
    assert found.estimated and "knows" in found.evidence["basis"]


def test_a_short_pause_is_none() -> None:
    assert long_pauses.find(paused(200.0)) == []


def test_the_dearest_call_comes_first() -> None:
    calls = clocks(4)
    calls[2].request = [*(calls[2].request or []), *(clocks(1)[0].request or [])[1:]]
    calls[2].usage = usage(fresh=4000, out=1)
    context = context_of(calls)
    (found,) = cache_breakers.find(context)
    assert np.all(np.diff(context.bill.net_pusd[found.calls]) <= 0)
