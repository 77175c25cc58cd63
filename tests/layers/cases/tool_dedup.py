"""Stories of `tool_dedup`: one token a byte; a note is 20 tokens."""

from __future__ import annotations

from costopt.layers.tool_dedup import ToolDedup
from costopt.model.call import Call
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect

SYSTEM = "system:" + "s" * 1_200
ASK = "user:what is in the order?"
GET = 'call/get_order:{"id": 7, "full": true}'
SAME = 'call/get_order:{"full": true,  "id": 7}'
OTHER = 'call/get_order:{"id": 8, "full": true}'
BOOK = 'call/cancel_item:{"id": 7}'
ORDER = "result/get_order:" + "o" * 200
CHANGED = "result/get_order:" + "p" * 200
SHORT = "result/get_order:none"
DONE = "result/cancel_item:done"
NOTE = "[get_order was called again with the same arguments: its result above holds.]"


def size(said: list[str]) -> int:
    return sum(len(s.partition(":")[2]) for s in said)


def run(*steps: tuple[str, str], extra: dict[int, str] | None = None) -> list[Call]:
    """A session of (tool call, its result); `extra`: a message of the user behind a step."""
    said, out = [SYSTEM, ASK], []
    for i, (asked, result) in enumerate([*steps, ("", "")]):
        answer = [asked] if asked else ["assistant:done"]
        out.append(call(f"c{i}", list(said), usage(size(said), out=10), answer))
        said += [asked, result, *([extra[i]] if extra and i in extra else [])]
    return out


AGAIN = run((GET, ORDER), (SAME, ORDER), (BOOK, DONE))
WHOLE = [SYSTEM, ASK, GET, ORDER, SAME, ORDER]

CASES = [
    Case("a repeat falls away with its result, and a note stands there", ToolDedup(), AGAIN,
         Expect(
             touched=["c2", "c3"], at_risk=[], charges={}, risk=0.0,
             request={"c1": [SYSTEM, ASK, GET, ORDER],
                      "c2": [SYSTEM, ASK, GET, ORDER, f"assistant:{NOTE}"],
                      "c3": [SYSTEM, ASK, GET, ORDER, f"assistant:{NOTE}", BOOK, DONE]},
             # 24 of arguments and 200 of result less 20 of note, in two requests.
             input_tokens={"c2": size(WHOLE) - 204},
             evidence={"repeats": 1, "repeats_answered": 1, "results_differ": 0,
                       "something_changed_between": 0, "tokens_removed": 408},
         )),
    Case("the result alone", ToolDedup(replace="result"), AGAIN,
         Expect(
             request={"c2": [SYSTEM, ASK, GET, ORDER, SAME, f"result/get_order:{NOTE}"]},
             input_tokens={"c2": size(WHOLE) - 180}, evidence={"tokens_removed": 360},
         )),
    Case("noop: other arguments", ToolDedup(), run((GET, ORDER), (OTHER, ORDER)),
         Expect(nothing=True, evidence={"repeats": 0}, risk=0.0, saved_usd="0")),
    Case("noop: something was changed in between", ToolDedup(),
         run((GET, ORDER), (BOOK, DONE), (GET, CHANGED)),
         Expect(nothing=True, evidence={"repeats": 1, "something_changed_between": 1})),
    Case("noop: nobody knows what a shell does", ToolDedup(),
         run(("call/bash:cat a", ORDER), ("call/bash:cat a", ORDER)), Expect(nothing=True)),
    Case("unless somebody says so", ToolDedup(reads=("bash",)),
         run(("call/bash:cat a", "result/bash:" + "o" * 200),
             ("call/bash:cat  a", "result/bash:" + "o" * 200)),
         Expect(touched=["c2"], evidence={"repeats_answered": 1})),
    Case("noop: a result shorter than the note", ToolDedup(replace="result"),
         run((GET, SHORT), (GET, SHORT)), Expect(nothing=True)),
    Case("the log's own result was another one: that is the risk", ToolDedup(),
         run((GET, ORDER), (GET, CHANGED), (GET, CHANGED)),
         # The third answer is the second one's, but the first is what it is pointed to.
         Expect(touched=["c2", "c3"], at_risk=["c2", "c3"], risk=1.0,
                evidence={"repeats_answered": 2, "results_differ": 2})),
    Case("the user said something in between", ToolDedup(across_user_turns=False),
         run((GET, ORDER), (GET, ORDER), extra={0: "user:I moved. Look again."}),
         Expect(nothing=True, evidence={"repeats": 1, "something_changed_between": 1})),
    Case("the user's word does not change an order", ToolDedup(),
         run((GET, ORDER), (GET, ORDER), extra={0: "user:And the other one?"}),
         Expect(touched=["c2"], evidence={"repeats_answered": 1})),
    Case("only the agents that the rule names", ToolDedup(match=(("agent", ("writer",)),)), AGAIN,
         Expect(nothing=True, evidence={"repeats": 0})),
]  # fmt: skip
