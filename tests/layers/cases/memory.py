"""Stories of `memory`: one token a byte; alike is what shares words."""

from __future__ import annotations

from typing import Any

import numpy as np

from costopt.layers.base import ArtifactSpec
from costopt.layers.memory import Memory
from costopt.model.call import Call
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View
from tests.billing.small import call, usage
from tests.layers.case import Case, Expect

SYSTEM = "system:" + "s" * 1_000
TASK = "user:help me with my orders"
TURNS = [
    ["assistant:ready", "user:order A-1001 is blue paint"],
    ["assistant:noted", "user:order B-2002 is red brick"],
    ["assistant:fine", "user:what weather today"],
]
FREE: dict[str, Any] = {
    "embedding_model": None, "usd_per_million_queries": 0.0, "usd_per_million_writes": 0.0,
}  # fmt: skip


def vectors(spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> np.ndarray:
    """A direction for each word."""
    ids = np.frombuffer(spec.get("segments"), np.int32)
    words = [(t or "").split() for t in texts.get(ids)]
    axis = {w: i for i, w in enumerate(sorted({w for told in words for w in told}))}
    out = np.zeros((len(ids), len(axis) + 1), np.float32)
    for row, told in enumerate(words):
        for word in told:
            out[row, axis[word]] += 1
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1)


def run(asked: str, answer: str = "assistant:done", **more: object) -> list[Call]:
    """A session: three turns, then the last message asks."""
    out, said = [], [SYSTEM, TASK]
    for i, turn in enumerate([*TURNS[:2], ["assistant:fine", f"user:{asked}"], []]):
        size = sum(len(s.partition(":")[2]) for s in said)
        out.append(call(f"c{i}", list(said), usage(size, out=10), [answer], **more))
        said += turn
    return out


def story(name: str, layer: Memory, calls: list[Call], expect: Expect, **more: Any) -> Case:
    return Case(name, layer, calls, expect, builders={"segment_vectors": vectors}, **more)


BLUE, RED = TURNS[0][1], TURNS[1][1]

CASES = [
    story("noop: nothing is older than the working turns", Memory(working_turns=3, **FREE),
          run("blue paint"), Expect(nothing=True, saved_usd="0", risk=0.0)),
    story("what is alike comes back in front of the last message",
          Memory(working_turns=1, top_k=1, **FREE), run("which order was blue paint"),
          Expect(
              touched=["c2", "c3"],
              # The second turn has the word order in common with the first.
              request={"c2": [SYSTEM, TASK, "assistant:noted", BLUE, RED],
                       "c3": [SYSTEM, TASK, "assistant:fine", BLUE, "user:which order was blue paint"]},
              charges={},
          )),
    story("nothing is alike enough", Memory(working_turns=1, min_similarity=0.9, **FREE),
          run("blue paint"),
          Expect(request={"c3": [SYSTEM, TASK, "assistant:fine", "user:blue paint"]})),
    story("an answer that uses what came back misses nothing",
          Memory(working_turns=1, top_k=1, **FREE),
          run("which order was blue paint", "assistant:it is A-1001"),
          Expect(at_risk=[], risk=0.0, evidence={"reach_back_rate": 0.0,
                                                 "reach_back_rate_without_retrieval": 1.0})),
    story("an answer that uses what did not come back does",
          Memory(working_turns=1, top_k=1, **FREE),
          run("which order was red brick", "assistant:it is A-1001"),
          Expect(at_risk=["c3"], risk=0.5)),
    story("embeddings, writes and questions are charged",
          Memory(working_turns=1, usd_per_million_queries=10, usd_per_million_writes=1),
          run("blue paint"),
          Expect(
              # Stored: ready, blue (c2), noted, red (c3); asked: red (c2), blue paint (c3).
              charges={"embeddings of stored messages": 5 + 26 + 5 + 25,
                       "embeddings of questions to the memory": 25 + 10},
              tally=None, evidence={"stored_messages": 4},
          )),
    story("earlier sessions of the same user are asked too",
          Memory(working_turns=1, top_k=1, across_sessions=True, **FREE),
          run("all is well", user="u")
          + [call("d", [SYSTEM, TASK, "assistant:hi", "user:hm", "assistant:yes", "user:blue paint"],
                  usage(1_060, out=10), ["assistant:ok"], session_id="t", user="u"),
             call("e", [SYSTEM, TASK, "assistant:hi", "user:hm", "assistant:yes", "user:blue paint"],
                  usage(1_060, out=10), ["assistant:ok"], session_id="v", user="another")],
          Expect(request={"d": [SYSTEM, TASK, "assistant:yes", BLUE, "user:blue paint"],
                          "e": [SYSTEM, TASK, "assistant:yes", "assistant:hi", "user:blue paint"]})),
    story("a user of that name at another tenant is another user",
          Memory(working_turns=1, top_k=1, across_sessions=True, **FREE),
          run("all is well", user="u", tenant="a")
          + [call("d", [SYSTEM, TASK, "assistant:hi", "user:hm", "assistant:yes", "user:blue paint"],
                  usage(1_060, out=10), ["assistant:ok"], session_id="t", user="u", tenant="b")],
          Expect(request={"d": [SYSTEM, TASK, "assistant:yes", "assistant:hi", "user:blue paint"]})),
]  # fmt: skip
