"""Stories of `compress`: one token a byte; `SENTENCE` has 100 letters, all of it prose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from costopt.accel.artifacts.compressible import segments_of
from costopt.layers.base import ArtifactSpec
from costopt.layers.compress import Compress
from costopt.layers.parts.compressed import Compressed
from costopt.layers.parts.compressible import prose
from costopt.layers.trim_tools import TrimTools
from costopt.model.call import Call, CallStatus, SegmentKind
from costopt.model.leaf import Leaf
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View
from tests.billing.small import call, usage
from tests.laws.worlds import agents
from tests.layers.case import Case, Expect

SENTENCE = (
    "You answer what was asked, you say when you do not know, "
    "and you keep to the words of this log now. "
)
PROSE = SENTENCE * 12
SYSTEM = "system:" + PROSE
CODE = "```\n" + "x = [1, 2]\n" * 80 + "```\n"
DOCUMENT = "user:" + PROSE[:600]
ASK = "user:how many rows?"
LOOK = "call/search:{}"
FOUND = "result/search:" + PROSE[:800]
ROWS = "result/search:" + '{"rows": [' + "1, " * 300 + "2]}"


def run(*said: str, results: tuple[str, ...] = (), **more: object) -> list[Call]:
    """A session: it looks once for each result, and answers. Input is what is shown."""
    shown, out = list(said), []
    for i, result in enumerate([*results, ""]):
        size = sum(len(s.partition(":")[2]) for s in shown)
        answered = [LOOK] if result else ["assistant:done"]
        out.append(call(f"c{i}", list(shown), usage(size, out=10), answered, **more))
        shown += [LOOK, result]
    return out


def every_second_word(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts
) -> Compressed:
    """Stands for a compressor: prose loses every second word, in a second."""
    before = [text or "" for text in texts.get(segments_of(spec))]
    after = tuple(_halved(text) for text in before)
    ratio = np.array([len(a) / max(1, len(b)) for a, b in zip(after, before, strict=True)])
    n = len(before)
    return Compressed("halving", "every second word", after, np.ones(n), np.zeros(n, np.int64),
                      lambda _: ratio)  # fmt: skip


def _halved(text: str) -> str:
    parts, at = [], 0
    for begin, end in prose(text):
        parts += [text[at:begin], " ".join(text[begin:end].split()[::2])]
        at = end
    return "".join([*parts, text[at:]])


def several_agents() -> list[Call]:
    """Twelve sessions on four models of three providers; two in three have prose for a system prompt."""
    out = agents(7)
    for c in out:
        told = PROSE if c.agent != "searcher" else CODE
        c.request = [
            replace(s, text=f"{told}\n{s.text}") if s.kind == SegmentKind.SYSTEM else s
            for s in c.request or ()
        ]
        c.usage.leaves[Leaf.INPUT_FRESH] += len(told) + 1
    return out


HALVED = "system:" + _halved(PROSE)
REAL = {"compressed": every_second_word}
FAILED = run(SYSTEM, ASK, results=("result/search:ok",))
FAILED[0].status, FAILED[0].response = CallStatus.FAILED, None

CASES = [
    Case("nothing is run: the prose of the system prompt shrinks to the stated rate",
         Compress(rate=0.5), run(SYSTEM, ASK, results=("result/search:ok",)),
         Expect(
             touched=["c0", "c1"],
             request={"c0": ["system:#600", ASK], "c1": ["system:#600", ASK, LOOK, "result/search:ok"]},
             # 1,200 + 14 become 600 + 14; the next call has 2 + 2 more.
             input_tokens={"c0": 614, "c1": 618},
             evidence={"method": "assumed", "model": None, "segments": 1, "tokens_before": 1_200,
                       "tokens_after": 600, "ratio": 0.5, "tokens_removed": 1_200,
                       "tokens_per_second": 5_000.0, "protected_share": 0.0},
         )),
    Case("a compressor is run: its own words, the same in every call, paid for once",
         Compress(model="some/model", usd_per_hour=3.6), run(SYSTEM, ASK, results=("result/search:ok",)),
         Expect(
             touched=["c0", "c1"],
             request={"c0": [HALVED, ASK], "c1": [HALVED, ASK, LOOK, "result/search:ok"]},
             # $3.60 an hour is $0.001 a second.
             evidence={"method": "halving", "segments": 1, "compute_usd": 0.001,
                       "tokens_per_second": 1_200.0, "reach_back_rate": 0.0},
         ), builders=REAL),
    Case("noop: all of the prose is kept", Compress(rate=1.0), run(SYSTEM, ASK),
         Expect(nothing=True, saved_usd="0")),
    Case("noop: a text below the limit", Compress(min_tokens=1_201), run(SYSTEM, ASK),
         Expect(nothing=True, evidence={"segments": 0, "compressible_usd": 0.0})),
    Case("code stays, the prose around it does not", Compress(rate=0.5),
         run("system:" + PROSE[:600] + "\n\n" + CODE + "\n" + PROSE[:600], ASK),
         # 1,204 letters of prose: the line ends beside the code count with it.
         Expect(input_tokens={"c0": 1_203 + len(CODE) + 14 - 602}, touched=["c0"])),
    Case("noop: JSON", Compress(rate=0.5), run("system:short", ASK, results=(ROWS,)),
         Expect(nothing=True, evidence={"segments": 0, "protected_share": 1.0})),
    Case("noop: schemas of tools", Compress(rate=0.5), run("tools:" + PROSE, ASK), Expect(nothing=True)),
    Case("a tool's prose is compressed where it enters", Compress(rate=0.25),
         run("system:short", ASK, results=(FOUND,)),
         Expect(touched=["c1"], request={"c1": ["system:short", ASK, LOOK, "result/search:#200"]})),
    Case("a context block of the user is compressed, the question is not", Compress(rate=0.5),
         run("system:short", DOCUMENT, "user:" + PROSE[:700]),
         Expect(request={"c0": ["system:short", "user:#300", "user:" + PROSE[:700]]})),
    Case("noop: what was once the last user message stays so", Compress(rate=0.5),
         [call("c0", [DOCUMENT], usage(600), ["assistant:fine"]),
          call("c1", [DOCUMENT, "assistant:fine", ASK], usage(618), ["assistant:done"])],
         Expect(nothing=True)),
    Case("an agent without tool calls sends results as user messages", Compress(rate=0.5, user_messages=True),
         [call("c0", [DOCUMENT, "assistant:ls", "user:" + PROSE[:800]], usage(1_402))],
         Expect(touched=["c0"], request={"c0": [DOCUMENT, "assistant:ls", "user:#400"]})),
    Case("only the kinds that are named", Compress(rate=0.5, kinds=("system",)),
         run("system:short", ASK, results=(FOUND,)), Expect(nothing=True)),
    Case("only the agents that the rule names", Compress(rate=0.5, match=(("agent", ("writer*",)),)),
         run(SYSTEM, ASK), Expect(nothing=True)),
    Case("a failed call is left alone, the one behind it is not", Compress(rate=0.5), FAILED,
         Expect(touched=["c1"], request={"c0": [SYSTEM, ASK]})),
    Case("behind a layer that cuts, what is left is compressed", Compress(rate=0.5, min_tokens=300),
         run("system:short", ASK, results=(FOUND,)),
         Expect(touched=["c1"], request={"c1": ["system:short", ASK, LOOK, "result/search:#200"]}),
         before=(TrimTools(max_tokens=400),)),
    Case("many agents, nothing is run", Compress(rate=0.4, min_tokens=300), several_agents(),
         Expect(evidence={"segments": 2, "calls_without_text": 0})),
    Case("many agents, a compressor is run", Compress(model="m", min_tokens=300, keep_numbers=True),
         several_agents(), Expect(evidence={"segments": 2, "method": "halving"}), builders=REAL),
    Case("without a replay nothing is known of the answers", Compress(model="m"), run(SYSTEM, ASK),
         Expect(at_risk=["c0"]), builders=REAL),
    Case("a replay has compared 100 answers, none of which differs", Compress(model="m"), run(SYSTEM, ASK),
         Expect(risk=0.0), builders=REAL, measured={"replayed_answers": 100, "answers_differ": 0}),
]  # fmt: skip
