"""Stories of `trim_tools`: one token a byte, so a result of 300 letters has 300 tokens."""

from __future__ import annotations

from costopt.layers.trim_tools import TrimTools
from costopt.model.call import Call, CallStatus
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect

SYSTEM = "system:" + "s" * 1_200
ASK = "user:how many rows?"
LOOK = "call/search:{}"
LONG = "result/search:" + "a" * 100 + "m" * 100 + "z" * 100
SHORT = "result/search:" + "a" * 45 + "\n[...]\n" + "z" * 45
HERE = "search for row_4711 in /data/rows.csv"


def run(*results: str, answer: str = "assistant:done", **more: object) -> list[Call]:
    """A session: it asks, looks once for each result, and answers. Input is what is shown."""
    said, out = [SYSTEM, ASK], []
    for i, result in enumerate([*results, ""]):
        size = sum(len(s.partition(":")[2]) for s in said)
        answered = [LOOK] if result else [answer]
        out.append(call(f"c{i}", list(said), usage(size, out=10), answered, **more))
        said += [LOOK, result]
    return out


def middle(text: str) -> str:
    """A result whose middle part says this."""
    return "result/search:" + ("x " * 100) + text + (" x" * 100)


FAILED = run(LONG, "result/search:ok")
FAILED[1].status, FAILED[1].response = CallStatus.FAILED, None

CASES = [
    Case("a long result is cut once and stays cut", TrimTools(max_tokens=100),
         run(LONG, "result/search:ok"),
         Expect(
             touched=["c1", "c2"],
             request={"c0": [SYSTEM, ASK], "c1": [SYSTEM, ASK, LOOK, SHORT],
                      "c2": [SYSTEM, ASK, LOOK, SHORT, LOOK, "result/search:ok"]},
             # 1,214 + 2 + 300 become 1,214 + 2 + 100; the next call has 2 + 2 more.
             input_tokens={"c0": 1_214, "c1": 1_316, "c2": 1_320},
             evidence={"results_cut": 1, "tokens_removed": 400, "reach_back_rate": 0.0,
                       "affected_calls": 2, "calls_without_text": 0},
             charges={},
         )),
    Case("noop: exactly at the limit", TrimTools(max_tokens=300), run(LONG),
         Expect(nothing=True, evidence={"results_cut": 0, "tokens_removed": 0}, saved_usd="0")),
    Case("noop: a result as short as its short form", TrimTools(max_tokens=0, overhead_tokens=300),
         run(LONG), Expect(nothing=True)),
    Case("only the beginning", TrimTools(max_tokens=100, keep="head"), run(LONG),
         Expect(request={"c1": [SYSTEM, ASK, LOOK, "result/search:" + "a" * 90 + "\n[...]\n"]})),
    Case("a cheap model extracts: its tokens are charged when the result comes",
         TrimTools(max_tokens=100, keep="extract", prompt_tokens=50), run(LONG, "result/search:ok"),
         Expect(
             request={"c2": [SYSTEM, ASK, LOOK, "result/search:#100", LOOK, "result/search:ok"]},
             # It reads 300 + 50 and writes 100, once.
             charges={"extracting from tool results": 450},
             at_risk=[], evidence={"reach_back_rate": 0.0, "tokens_removed": 400},
         )),
    Case("an answer that names what was cut reaches back", TrimTools(max_tokens=100),
         run(middle(HERE), answer="assistant:it is row_4711, see /data/rows.csv"),
         Expect(touched=["c1"], at_risk=["c1"], risk=1.0, evidence={"reach_back_rate": 1.0})),
    Case("an extract counts as keeping nothing", TrimTools(max_tokens=100, keep="extract"),
         run("result/search:row_4711 " + "x " * 200, answer="assistant:it is row_4711"),
         Expect(at_risk=["c1"], risk=1.0)),
    Case("where the beginning stays", TrimTools(max_tokens=100),
         run("result/search:row_4711 " + "x " * 200, answer="assistant:it is row_4711"),
         Expect(at_risk=[], risk=0.0)),
    Case("an answer that names what still stands elsewhere does not", TrimTools(max_tokens=100),
         [*run(middle(HERE), "result/search:row_4711", answer="assistant:it is row_4711")],
         Expect(touched=["c1", "c2"], at_risk=[], risk=0.0)),
    Case("an agent without tool calls sends results as user messages: not the task, what follows an answer",
         TrimTools(max_tokens=100, user_messages=True),
         [call("c0", [SYSTEM, "user:" + "t" * 300, "assistant:ls", "user:" + "r" * 300], usage(1_802))],
         Expect(touched=["c0"], request={"c0": [
             SYSTEM, "user:" + "t" * 300, "assistant:ls", "user:" + "r" * 45 + "\n[...]\n" + "r" * 45]})),
    Case("noop: a person writes user messages", TrimTools(max_tokens=100),
         [call("c0", [SYSTEM, ASK, "assistant:ls", "user:" + "r" * 500], usage(1_802))],
         Expect(nothing=True, tally={"results": 0, "long_user_messages": 1})),
    Case("a protected tool", TrimTools(max_tokens=100, protect=("sear*",)), run(LONG),
         Expect(nothing=True)),
    Case("another tool is named", TrimTools(max_tokens=100, tools=("read_*",)), run(LONG),
         Expect(nothing=True)),
    Case("only the agents that the rule names",
         TrimTools(max_tokens=100, match=(("agent", ("writer*",)),)), run(LONG),
         Expect(nothing=True)),
    Case("a failed call is left alone, the ones behind it are not", TrimTools(max_tokens=100),
         FAILED, Expect(touched=["c2"], request={"c1": [SYSTEM, ASK, LOOK, LONG]})),
]  # fmt: skip
