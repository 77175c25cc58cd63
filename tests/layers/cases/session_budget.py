"""Stories of `session_budget`: every call costs $0.003 (2,000 in at $1, 100 out at $10 a million)."""

from __future__ import annotations

from costopt.layers.session_budget import SessionBudget
from costopt.model.call import Call, CallStatus
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect

DAY_US = 24 * 3_600_000_000
START_US = 1_789_948_800_000_000


def steps(session: str, count: int, last: str = "stop", **more: object) -> list[Call]:
    """A session of calls that go on from nothing: what they say does not matter here."""
    return [
        call(f"{session}{i}", [f"user:{session}{i}"], usage(2_000, out=100), ["assistant:ok"],
             session_id=session, finish=last if i == count - 1 else "tool_calls", **more)
        for i in range(count)
    ]  # fmt: skip


def days() -> list[Call]:
    """Two calls a day, on two days."""
    calls = steps("d", 4)
    for i, c in enumerate(calls):
        c.at_us = START_US + (i // 2) * DAY_US + i * 1_000_000
    return calls


FAILED = steps("f", 3)
FAILED[1].status = CallStatus.FAILED
FAILED[1].usage = usage()

CASES = [
    Case(
        "the call that goes over is paid, the next is refused",
        SessionBudget(usd=0.005),
        [*steps("a", 4, last="length"), *steps("b", 1)],
        Expect(
            sent={"a0": True, "a1": True, "a2": False, "a3": False, "b0": True},
            touched=["a2", "a3"],
            at_risk=["a2", "a3"],
            saved_usd="0.006",
            risk=0.0,
            evidence={
                "sessions": 2,
                "stopped_sessions": 1,
                "stopped_calls": 2,
                "stopped_usd": 0.006,
                "ended_well": 0,
                "ended_unknown": 0,
                "first_stopped_step": 3,
            },
        ),
    ),
    Case(
        "a good ending lost",
        SessionBudget(usd=0.003),
        [*steps("a", 2), *steps("b", 1)],
        Expect(touched=["a1"], risk=0.5),
    ),
    Case(
        "noop: exactly not reached", SessionBudget(usd=0.0061), steps("a", 3), Expect(nothing=True)
    ),
    Case("reached to the cent", SessionBudget(usd=0.006), steps("a", 3), Expect(touched=["a2"])),
    Case(
        "an agent's budget over its sessions",
        SessionBudget(usd=0.003, per="agent"),
        [*steps("a", 1), *steps("b", 1), *steps("c", 1, agent="other")],
        Expect(touched=["b0"]),
    ),
    Case(
        "a budget a day",
        SessionBudget(usd=0.003, per="agent", window=86_400.0),
        days(),
        Expect(touched=["d1", "d3"]),
    ),
    Case(
        "noop: a window below the clock's own step",
        SessionBudget(usd=0.003, per="agent", window=1e-9),
        days(),
        Expect(nothing=True),
    ),
    Case("what failed spends nothing", SessionBudget(usd=0.006), FAILED, Expect(nothing=True)),
    Case(
        "no ending in the log",
        SessionBudget(usd=0.003),
        steps("a", 2, last=""),
        Expect(
            touched=["a1"],
            risk=None,
            evidence={
                "sessions": 1,
                "stopped_sessions": 1,
                "stopped_calls": 1,
                "stopped_usd": 0.003,
                "ended_well": 0,
                "ended_unknown": 1,
                "first_stopped_step": 2,
            },
        ),
    ),
    Case(
        "a better test of the end",
        SessionBudget(usd=0.003, ended_well=(("task", ("resolved",)),)),
        steps("a", 2, last="length", task="resolved"),
        Expect(touched=["a1"], risk=1.0),
    ),
    Case(
        "noop: others have a budget",
        SessionBudget(usd=0.0, match=(("agent", ("x",)),)),
        steps("a", 2),
        Expect(nothing=True),
    ),
]
