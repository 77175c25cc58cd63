"""Stories of `output`: limits save nothing; structure saves what is assumed of it."""

from __future__ import annotations

from costopt.layers.output import Output
from costopt.model.call import Call, CallStatus
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect


def answers(*lengths: int, **more: object) -> list[Call]:
    """One call an answer of so many tokens, each with 100 tokens of input."""
    return [
        call(f"c{i}", [f"user:{i}"], usage(100, out=n), ["assistant:x"], **more)
        for i, n in enumerate(lengths)
    ]  # fmt: skip


FAILED = answers(50)
FAILED[0].status = CallStatus.FAILED

CASES = [
    Case(
        "few answers: the longest one and room",
        Output(),
        answers(10, 100),
        Expect(
            max_tokens={"c0": 120, "c1": 120},
            touched=["c0", "c1"],
            at_risk=[],
            saved_usd="0",
            risk=0.0,
        ),
    ),
    Case(
        "many answers: one in a hundred may be cut",
        Output(margin=1.0),
        answers(*[10] * 199, 900),
        Expect(max_tokens={"c0": 10, "c199": 10}, at_risk=["c199"], saved_usd="0", risk=0.005),
    ),
    Case(
        "a limit that stands is lowered, never raised",
        Output(max_tokens=200),
        [*answers(10, max_tokens=4_096), call("low", ["user:l"], usage(1, out=1), max_tokens=50)],
        Expect(
            max_tokens={"c0": 200, "low": 50},
            touched=["c0"],
            tally={
                "limited_calls": 1,
                "truncated_calls": 0,
                "without_limit": 0,
                "freed_tokens": 3_896,
                "structured_calls": 0,
                "structured_measured": 0,
            },
        ),
    ),
    Case("noop: off", Output(max_tokens="off"), answers(10), Expect(nothing=True)),
    Case("noop: failed", Output(), FAILED, Expect(nothing=True)),
    Case(
        "cut by its own limit: its length says nothing",
        Output(),
        [*answers(10), call("cut", ["user:c"], usage(100, out=500), finish="length")],
        Expect(max_tokens={"c0": 12, "cut": 12}, at_risk=["cut"]),
    ),
    Case(
        "structured answers, as assumed",
        Output(max_tokens="off", structured=(("agent", ("planner",)),), ratio=0.5),
        answers(100, 301),
        Expect(
            output_tokens={"c0": 50, "c1": 150},
            risk=None,
            at_risk=["c0", "c1"],
            saved_usd="0.00201",
        ),
    ),
    Case(
        "structured answers, as measured",
        Output(max_tokens="off", structured=(("agent", ("planner",)),), ratio=0.5),
        answers(100),
        Expect(output_tokens={"c0": 80}),
        measured={"length_ratio": 0.8},
    ),
]
