"""Stories of `batch`: the fake book's batch price is half, and reads lose their discount there."""

from __future__ import annotations

from costopt.layers.batch import Batch
from costopt.model.call import Call, CallStatus
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect

DAY_US = 24 * 3_600_000_000
START_US = 1_790_000_000_000_000


def one(key: str, agent: str = "nightly-digest", read: int = 0, **more: object) -> Call:
    """A call on its own: 2,000 tokens in, of these `read` from the cache, 100 out."""
    return call(key, ["user:" + key], usage(2_000 - read, read, out=100), ["assistant:x" + key],
                **{"session_id": key, "agent": agent} | more)  # fmt: skip


def clock(agent: str, hours: list[float]) -> list[Call]:
    """One call a day and hour, on five days."""
    return [
        one(f"{agent}{day}.{i}", agent,
            at_us=START_US + day * DAY_US + int(hour * 3_600_000_000))
        for day in range(5) for i, hour in enumerate(hours)
    ]  # fmt: skip


def chain() -> list[Call]:
    """Two steps, the second builds on the first; then a person replies."""
    first = call("a", ["user:go"], usage(2_000, out=100), ["assistant:one"])
    second = call("b", ["user:go", "assistant:one", "result/t:r"], usage(2_000, out=100),
                  ["assistant:two"])  # fmt: skip
    return [first, second]


REPLY = call("c", ["user:go", "assistant:one", "user:thanks, and now?"], usage(2_000, out=100),
             ["assistant:three"])  # fmt: skip
FAILED = one("f", status=CallStatus.FAILED)

CASES = [
    Case(
        "named background work at half the price",
        Batch(),
        [one("a"), one("b", "planner")],
        Expect(
            service_tier={"a": "batch", "b": "default"},
            touched=["a"],
            # 2,000 x $1 + 100 x $10 a million tokens, halved.
            saved_usd="0.0015",
            risk=0.0,
        ),
    ),
    Case(
        "the policy names it",
        Batch(match=(("agent", ("plan*",)),)),
        [one("a"), one("b", "planner")],
        Expect(touched=["b"], saved_usd="0.0015"),
    ),
    Case("noop: nothing waits", Batch(), [one("b", "planner")], Expect(nothing=True)),
    Case(
        "noop: in a batch already",
        Batch(),
        [one("a", service_tier="batch")],
        Expect(nothing=True, tally={"in_batch_already": 1}),
    ),
    Case("noop: failed", Batch(), [FAILED], Expect(nothing=True)),
    Case(
        "a read loses its discount: a rise is shown as a rise",
        Batch(match=(("agent", ("planner",)),)),
        # 1,900 read at $0.10, 100 fresh at $1 and 1 x $10 out; in a batch 2,000 at $0.50.
        [
            call("a", ["user:" + "u" * 1_990], usage(2_000, out=1), agent="planner"),
            call(
                "b", ["user:" + "u" * 1_990, "user:more"], usage(100, 1_900, out=1), agent="planner"
            ),
        ],
        Expect(
            touched=["a", "b"],
            evidence={
                "eligible_calls": 2,
                "eligible_usd": 0.00231,
                "in_batch_already": 0,
                "too_deep": 0,
                "no_batch_price": 0,
                "left_as_dearer": 0,
                "cache_lost_calls": 1,
                "groups": [
                    {
                        "agent": "planner",
                        "task": "",
                        "why": "named in the policy",
                        "calls": 2,
                        "usd": 0.00231,
                    }
                ],
            },
            # 0.00201 become 0.001005, and 0.0003 become 0.001005.
            saved_usd="0.0003",
        ),
    ),
    Case(
        "only where it is cheaper",
        Batch(match=(("agent", ("planner",)),), only_if_cheaper=True),
        [
            call("a", ["user:" + "u" * 1_990], usage(2_000, out=1), agent="planner"),
            call(
                "b", ["user:" + "u" * 1_990, "user:more"], usage(100, 1_900, out=1), agent="planner"
            ),
        ],
        Expect(touched=["a"]),
    ),
    Case(
        "a chain of two steps needs two windows",
        Batch(match=(("agent", ("*",)),)),
        chain(),
        Expect(
            nothing=True,
            tally={"in_batch_already": 0, "too_deep": 2, "no_batch_price": 0, "left_as_dearer": 0},
        ),
    ),
    Case(
        "and has them",
        Batch(match=(("agent", ("*",)),), deadline=2 * 86_400.0),
        chain(),
        Expect(touched=["a", "b"]),
    ),
    Case(
        "noop: somebody replies",
        Batch(deadline=9 * 86_400.0),
        [*chain(), REPLY],
        Expect(nothing=True),
    ),
    Case(
        "the clock tells",
        Batch(),
        clock("report", [3.0, 3.2, 3.9, 4.1]),
        Expect(touched=sorted(f"report{d}.{i}" for d in range(5) for i in range(4))),
    ),
    Case(
        "noop: all day long", Batch(), clock("report", [3.0, 9.0, 15.0, 21.0]), Expect(nothing=True)
    ),
    Case("noop: no deadline at all", Batch(deadline=0.0), [one("a")], Expect(nothing=True)),
    Case("no price in a batch", Batch(), [one("a", model="unknown-x")], Expect(nothing=True)),
]
