"""Stories of `window`: one token a byte, an answer and its result are a turn."""

from __future__ import annotations

from costopt.layers.window import Window
from costopt.model.call import Call
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect

SYSTEM = "system:" + "s" * 1_000
TASK = "user:" + "t" * 200


def step(i: int) -> list[str]:
    """Turn i: it asks a tool, which answers; 100 tokens."""
    return [f"call/look:{'q' * 38}{i:02}", f"result/look:{'r' * 58}{i:02}"]


def run(turns: int, answer: str = "assistant:done", **more: object) -> list[Call]:
    """A session of one call more than turns; call `ci` has i turns before it."""
    out, said = [], [SYSTEM, TASK]
    for i in range(turns + 1):
        size = sum(len(s.partition(":")[2]) for s in said)
        last = i == turns
        answered = [answer] if last else [step(i)[0]]
        out.append(call(f"c{i}", list(said), usage(size, out=40), answered, **more))
        said += step(i)
    return out


def behind(*turns: int) -> list[str]:
    """What is sent with these turns."""
    return [SYSTEM, TASK, *(part for t in turns for part in step(t))]


def telling(first: str, **more: object) -> list[Call]:
    """Three turns; the first result says something, and the last answer names row_4711."""
    calls = run(3, "assistant:it is row_4711", **more)
    for later in calls[1:]:
        assert later.request is not None
        later.request[3].text = first
    return calls


CASES = [
    Case("noop: no request is longer than the window", Window(turns=4), run(4),
         Expect(nothing=True, saved_usd="0", risk=0.0,
                evidence={"tokens_removed": 0, "reach_back_rate": 0.0, "affected_calls": 0})),
    Case("only the last turns are sent, beside system prompt and task", Window(turns=2), run(4),
         Expect(
             touched=["c3", "c4"], at_risk=[],
             request={"c2": behind(0, 1), "c3": behind(1, 2), "c4": behind(2, 3)},
             input_tokens={"c2": 1_400, "c3": 1_400, "c4": 1_400},
             evidence={"tokens_removed": 300, "reach_back_rate": 0.0, "affected_calls": 2,
                       "calls_without_text": 0},
             charges={},
         )),
    Case("in steps of two the beginning stays the same in between", Window(turns=2, slide_every=2),
         run(6),
         Expect(
             touched=["c4", "c5", "c6"],
             request={"c3": behind(0, 1, 2), "c4": behind(2, 3), "c5": behind(2, 3, 4),
                      "c6": behind(4, 5)},
         )),
    Case("a budget drops as many turns as it must", Window(turns=99, max_input_tokens=1_350), run(4),
         Expect(request={"c1": behind(0), "c2": behind(1), "c4": behind(3)},
                input_tokens={"c1": 1_300, "c2": 1_300, "c4": 1_300})),
    Case("what the call answers stays, whatever the budget", Window(max_input_tokens=500), run(2),
         Expect(request={"c2": behind(1)}, touched=["c2"])),
    Case("a running summary takes in the last one and the new block",
         Window(turns=2, slide_every=2, summarize="steps", summary_tokens=50,
                summary_prompt_tokens=10),
         run(6),
         Expect(
             request={
                 "c4": [SYSTEM, TASK, "user:#50", *behind(2, 3)[2:]],
                 "c5": [SYSTEM, TASK, "user:#50", *behind(2, 3, 4)[2:]],
                 "c6": [SYSTEM, TASK, "user:#50", *behind(4, 5)[2:]],
             },
             input_tokens={"c4": 1_450, "c5": 1_550},
             # It reads 200 + 10, then 200 + 50 + 10, and writes 50 twice.
             charges={"summaries of dropped turns": 570},
         )),
    Case("a summary is never longer than what it sums up",
         Window(turns=2, summarize="steps", summary_tokens=5_000), run(3),
         Expect(request={"c3": [SYSTEM, TASK, "user:#100", *behind(1, 2)[2:]]})),
    Case("summaries of summaries: two of a level become one of the next",
         Window(turns=1, summarize="steps", summary_tokens=30, summary_prompt_tokens=0, levels=2,
                summaries_per_level=2),
         run(4),
         Expect(
             request={"c2": [SYSTEM, TASK, "user:#30", *behind(1)[2:]],
                      "c3": [SYSTEM, TASK, "user:#30", *behind(2)[2:]],
                      "c4": [SYSTEM, TASK, "user:#30", "user:#30", *behind(3)[2:]]},
             # Three blocks of 100 into 30, and two summaries of 30 into one.
             charges={"summaries of dropped turns": 3 * 130 + 90},
         )),
    Case("above a token budget all but the last turns become a summary",
         Window(turns=1, summarize="budget", summarize_above_tokens=250, summary_tokens=20,
                summary_prompt_tokens=0),
         run(5),
         Expect(
             touched=["c3", "c4", "c5"],
             request={"c2": behind(0, 1),
                      "c3": [SYSTEM, TASK, "user:#20", *behind(2)[2:]],
                      "c4": [SYSTEM, TASK, "user:#20", *behind(2, 3)[2:]],
                      "c5": [SYSTEM, TASK, "user:#20", *behind(4)[2:]]},
         )),
    Case("an answer reaches back to what only a dropped turn says", Window(turns=1),
         telling("found row_4711 in the index"),
         Expect(touched=["c2", "c3"], at_risk=["c3"], risk=0.5,
                evidence={"reach_back_rate": 0.5, "affected_calls": 2})),
    Case("a plain word, or what the task says too, is no reach-back", Window(turns=1),
         telling("it is done"),
         Expect(touched=["c2", "c3"], at_risk=[], risk=0.0)),
    Case("noop: only other agents", Window(turns=1, match=(("agent", ("writer",)),)), run(3),
         Expect(nothing=True)),
]  # fmt: skip
