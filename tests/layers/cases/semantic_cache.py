"""Stories of `semantic_cache`: similarity is the share of words that two questions share.

Fake rates: a call of 100 tokens in and 10 out is $0.0002. Operations of the store are free here unless a
story is about them, and an embedded token costs a micro-dollar.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costopt.layers.exact_cache import ExactCache
from costopt.layers.semantic_cache import SemanticCache
from costopt.model.call import Call
from tests.billing.small import call, usage
from tests.layers import toy_neighbours
from tests.layers.case import Case, Expect

# Four words each; the second shares four of five with the first, the third is another question.
DUE = "user:what is due today"
DUE_PLEASE = "user:what is due today please"
TIME = "user:tell me the time"
SEVEN, NINE = "assistant:7 USD", "assistant:9 USD"


def asked(key: str, question: str, answer: str = SEVEN, *more_said: str, **more: Any) -> Call:
    columns = {"latency_ms": 1000.0} | more
    said = ["system:be kind", question, *more_said]
    return call(key, said, usage(100, out=10), [answer], **columns)


def cache(**settings: Any) -> SemanticCache:
    usual: dict[str, Any] = {"threshold": 0.8, "store_usd_per_operation": 0.0}
    return SemanticCache(**(usual | settings))


def story(
    name: str, layer: SemanticCache, calls: Sequence[Call], expect: Expect, **more: Any
) -> Case:
    return Case(name, layer, calls, expect, builders={"look_ups": toy_neighbours.build}, **more)


TWO = [asked("a", DUE), asked("b", DUE_PLEASE)]
LOOP = ["call/look:{}", "result/look:7 USD"]

CASES = [
    story(
        "a question in other words is not sent; both are embedded",
        cache(),
        TWO,
        Expect(
            sent={"a": True, "b": False},
            touched=["b"],
            at_risk=[],
            risk=0.0,
            # 17 and 24 bytes are as many tokens: 41 micro-dollars against 200 saved.
            charges={"embeddings": 41},
            saved_usd="0.000159",
            evidence={
                "eligible_calls": 2,
                "hits": 1,
                "hit_rate": 0.5,
                "false_hits": 0,
                "false_hit_rate": 0.0,
                "threshold": 0.8,
                "embedder": "share of words",
                "hits_of_an_exact_cache_too": 0,
            },
        ),
    ),
    story(
        "another answer is a false hit",
        cache(),
        [asked("a", DUE), asked("b", DUE_PLEASE, NINE)],
        Expect(
            at_risk=["b"],
            risk=1.0,
            evidence={"false_hits": 1, "false_basis": "not_identical", "not_identical": 1},
        ),
    ),
    story(
        "numbers are compared as numbers",
        cache(),
        [
            asked("a", DUE, "assistant:7.0"),
            asked("b", DUE_PLEASE, "assistant:7"),
            asked("c", DUE_PLEASE, "assistant:8"),
        ],
        Expect(
            at_risk=["c"],
            evidence={"false_hits": 1, "false_basis": "number"},
            risk=0.5,
        ),
    ),
    story(
        "below the threshold nothing hits, and embeddings are paid",
        cache(threshold=0.81),
        TWO,
        Expect(sent={"b": True}, touched=[], charges={"embeddings": 41}, saved_usd="-0.000041"),
    ),
    story(
        "byte-equal questions an exact cache would have had too",
        cache(),
        [asked("a", DUE), asked("b", DUE), asked("c", DUE, NINE)],
        Expect(
            sent={"b": False, "c": False},
            risk=0.5,
            evidence={"hits_of_an_exact_cache_too": 2, "self_disagreement": 0.5},
        ),
    ),
    story(
        "turns of a loop do not ask",
        cache(),
        [*TWO, asked("c", DUE, SEVEN, *LOOP)],
        Expect(sent={"c": True}, evidence={"eligible_calls": 2, "agent_turns_left_out": 1}),
    ),
    story(
        "turns of a loop ask where the policy says so",
        cache(agent_turns=True, key="last_user"),
        [*TWO, asked("c", DUE, SEVEN, *LOOP)],
        Expect(sent={"c": False}, evidence={"eligible_calls": 3}),
    ),
    story(
        "tenant, agent, model, system prompt and tools always separate",
        cache(scope=()),
        [
            asked("a", DUE),
            asked("b", DUE, tenant="t"),
            asked("c", DUE, agent="g"),
            asked("d", DUE, model="n"),
            call("e", ["system:be short", DUE], usage(100, out=10), [SEVEN], latency_ms=1.0),
            call("f", ["tools:look", "system:be kind", DUE], usage(100, out=10), [SEVEN]),
        ],
        Expect(touched=[], evidence={"hits": 0, "eligible_calls": 6}),
    ),
    story(
        "a scope separates further, and the advice says what it costs",
        cache(scope=("user",)),
        [asked(k, DUE, user=k) for k in "abc"],
        Expect(
            touched=[],
            evidence={
                "hits": 0,
                "advice": [
                    {
                        "turn": "scope",
                        "to": "[]",
                        "hits": 2,
                        "hit_rate": 0.666667,
                        "false_hits": 0,
                        "false_hit_rate": 0.0,
                    }
                ],
            },
        ),
    ),
    story(
        "the advice replays a ttl without end",
        cache(ttl=5.0),
        TWO,
        Expect(
            touched=[],
            evidence={
                "advice": [
                    {
                        "turn": "ttl",
                        "to": "none",
                        "hits": 1,
                        "hit_rate": 0.5,
                        "false_hits": 0,
                        "false_hit_rate": 0.0,
                    }
                ]
            },
        ),
    ),
    story(
        "a hit stores nothing: the third is compared with the first",
        cache(),
        # The third shares 4 of 5 words with the second only.
        [*TWO, asked("c", "user:what is due please now")],
        Expect(sent={"b": False, "c": True}),
    ),
    story(
        "behind an exact cache only other words are left",
        cache(),
        [asked("a", DUE), asked("b", DUE), asked("c", DUE_PLEASE)],
        Expect(sent={"b": False, "c": False}, touched=["c"], evidence={"eligible_calls": 2}),
        before=(ExactCache(),),
    ),
    story(
        "two blocks of one message are one key; the earlier question is not",
        cache(key="last_user"),
        [asked("a", DUE), asked("b", TIME, SEVEN, "assistant:noon", DUE_PLEASE)],
        Expect(evidence={"eligible_calls": 1, "agent_turns_left_out": 1}),
    ),
    story(
        "with all messages as the key a shared system prompt makes keys alike",
        cache(key="all", threshold=0.6, floor=0.1),
        [asked("a", DUE), asked("b", "user:what is due tomorrow")],
        Expect(sent={"b": False}),
    ),
    story(
        "noop: a threshold above 1 is off",
        cache(threshold=1.2),
        TWO,
        Expect(nothing=True, saved_usd="0", risk=0.0),
    ),
    story(
        "noop: no text of the question",
        cache(),
        [call(k, None, usage(100, out=10)) for k in "ab"],
        Expect(nothing=True, evidence={"eligible_calls": 0, "calls_without_text": 2}),
    ),
    story(
        "noop: auto finds no bound on so few hits",
        cache(threshold="auto"),
        TWO,
        Expect(nothing=True, evidence={"threshold": None}),
    ),
    story(
        "operations of the store and local embeddings are fees",
        cache(store_usd_per_operation=0.00001, embedding_usd_per_mtok=2.0),
        TWO,
        # Two queries and one write, 41 tokens at 2 micro-dollars.
        Expect(charges={}, saved_usd="0.000088"),
    ),
    story(
        "litellm embeds a miss twice",
        cache(profile="litellm", key="last_user"),
        TWO,
        Expect(charges={"embeddings": 58}),
    ),
    story(
        "gptcache calls a cosine of 0.6 by the number 0.8",
        SemanticCache(profile="gptcache", store_usd_per_operation=0.0),
        [asked("a", DUE), asked("b", "user:what is due now")],
        Expect(sent={"b": False}, evidence={"threshold": 0.6}),
    ),
]
