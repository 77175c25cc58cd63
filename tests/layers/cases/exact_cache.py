"""Stories of `exact_cache`: fake rates ($1 input, $10 output a million tokens), 10 s between calls."""

from __future__ import annotations

from typing import Any

from costopt.layers.exact_cache import ExactCache
from costopt.model.call import Call, CallStatus, UsageState
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect

ASK = ["system:be kind", "user:What is due?"]
LATER = [*ASK, "call/look:{}", "result/look:7 USD"]


def asked(key: str, request: list[str], answer: str = "assistant:7 USD", **more: Any) -> Call:
    """A call of 100 tokens in and 10 out: $0.0002; answered after a second."""
    columns = {"latency_ms": 1000.0} | more
    return call(key, request, usage(100, out=10), [answer], **columns)


def failed(one: Call) -> Call:
    one.status = CallStatus.FAILED
    return one


def unknown(one: Call) -> Call:
    one.usage.state = UsageState.MISSING
    return one


TWICE = [asked("a", ASK), asked("b", ASK)]

CASES = [
    Case(
        "a repeat is not sent",
        ExactCache(),
        TWICE,
        Expect(
            sent={"a": True, "b": False},
            touched=["b"],
            at_risk=[],
            saved_usd="0.0002",
            risk=0.0,
            evidence={"eligible_calls": 2, "hits": 1, "hit_rate": 0.5, "differing_hits": 0},
        ),
    ),
    Case(
        "another answer to the same bytes is the risk",
        ExactCache(),
        [asked("a", ASK), asked("b", ASK, "assistant:9 USD"), asked("c", ASK)],
        Expect(
            sent={"b": False, "c": False},
            at_risk=["b"],
            risk=0.5,
            evidence={"differing_hits": 1, "differing_inside_a_session": 1},
        ),
    ),
    Case(
        "turns inside a loop take part",
        ExactCache(),
        [asked("a", LATER), asked("b", LATER)],
        Expect(sent={"b": False}),
    ),
    Case(
        "noop: one byte differs",
        ExactCache(),
        [asked("a", ASK), asked("b", ["system:be kind", "user:What is due"])],
        Expect(nothing=True, saved_usd="0", evidence={"eligible_calls": 2, "hits": 0}),
    ),
    Case(
        "noop: the same blocks in another order",
        ExactCache(),
        [asked("a", ASK), asked("b", ASK[::-1])],
        Expect(nothing=True),
    ),
    Case(
        "noop: another model, temperature, limit, tenant or agent",
        ExactCache(),
        [
            asked("a", ASK),
            asked("b", ASK, model="n"),
            asked("c", ASK, temperature=0.0),
            asked("d", ASK, max_tokens=9),
            asked("e", ASK, tenant="t"),
            asked("f", ASK, agent="g"),
        ],
        Expect(nothing=True, evidence={"eligible_calls": 6}),
    ),
    Case(
        "noop: the same blocks but another reported input: something is hidden",
        ExactCache(),
        [asked("a", ASK), call("b", ASK, usage(120, out=10), ["assistant:7 USD"])],
        Expect(nothing=True),
    ),
    Case(
        "noop: the users differ where the scope says so",
        ExactCache(scope=("user",)),
        [asked("a", ASK, user="x"), asked("b", ASK, user="y")],
        Expect(nothing=True),
    ),
    Case(
        "noop: the answer is not there yet",
        ExactCache(),
        [asked("a", ASK, latency_ms=15_000.0), asked("b", ASK)],
        Expect(nothing=True),
    ),
    Case(
        "the ttl ends",
        ExactCache(ttl=15.0),
        [asked(k, ASK) for k in "abcd"],
        # a is there at 1 s: b (10 s) is served, c (20 s) is sent and serves d.
        Expect(sent={"a": True, "b": False, "c": True, "d": False}),
    ),
    Case(
        "noop: a failed call is never stored and never served",
        ExactCache(),
        [failed(asked("a", ASK)), asked("b", ASK), failed(asked("c", ASK))],
        Expect(nothing=True, evidence={"eligible_calls": 1}),
    ),
    Case(
        "noop: what has no known price can save nothing",
        ExactCache(),
        [asked("a", ASK), unknown(asked("b", ASK))],
        Expect(nothing=True),
    ),
    Case(
        "noop: a log without requests",
        ExactCache(),
        [call(k, None, usage(100, out=10)) for k in "ab"],
        Expect(nothing=True, evidence={"eligible_calls": 0, "calls_without_text": 2}),
    ),
    Case("noop: no time to live", ExactCache(ttl=0.0), TWICE, Expect(nothing=True)),
    Case(
        "only what ran at temperature 0",
        ExactCache(only_temperature_zero=True),
        [*TWICE, *(asked(k, ASK, temperature=0.0) for k in "cd")],
        Expect(sent={"b": True, "d": False}, evidence={"eligible_calls": 2}),
    ),
    Case(
        "a full cache forgets the least recently used",
        ExactCache(capacity=1),
        [asked("a", ASK), asked("b", LATER), asked("c", ASK), asked("d", ASK)],
        Expect(sent={"c": True, "d": False}),
    ),
    Case(
        "look-ups cost what the policy says",
        ExactCache(lookup_usd=0.00005),
        TWICE,
        Expect(sent={"b": False}, saved_usd="0.0001"),
    ),
]
