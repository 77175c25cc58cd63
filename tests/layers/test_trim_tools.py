"""What the stories of `trim_tools` do not say: whose tokenizer counts, sessions apart, prefixes kept."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.model import CacheModel
from costopt.engine.evaluate import Evaluator
from costopt.layers.trim_tools import TrimTools
from costopt.model.leaf import Leaf
from tests.billing.small import call, timed, usage
from tests.fakes import FakeBook
from tests.layers.context import evaluator_of, letters, texts_of

SYSTEM = "system:" + "s" * 1_500
LONG = "result/search:" + "a" * 4_000
REPEAT = [SYSTEM, "user:go", "call/search:{}", LONG]


@dataclasses.dataclass(frozen=True)
class ByModel:
    """Letters, and twice as many tokens for the model `fine`."""

    base: Any

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        counts: NDArray[np.int64] = self.base.count(segments, model) * (2 if model == "fine" else 1)
        return counts

    def label(self, model: str) -> str:
        return "exact"

    def common_prefix(self, first: int, second: int, model: str) -> int:
        return int(self.base.common_prefix(first, second, model))


def test_the_first_call_of_a_session_counts_for_the_later_ones() -> None:
    calls = [
        call("a", REPEAT, usage(5_504), model="coarse"),
        call("b", [*REPEAT, "user:more"], usage(11_016), model="fine"),
        call("c", REPEAT, usage(11_008), model="fine", session_id="other"),
    ]
    trace = timed(calls)
    texts = texts_of(trace, calls)
    counter = ByModel(letters(trace, texts))
    evaluator = Evaluator(trace, FakeBook(), CacheModel.of(trace, FakeBook(), counter, texts))
    view = evaluator.state((TrimTools(max_tokens=100),)).view
    first, later, other = (int(view.request.row(i)[3]) for i in range(3))
    assert first == later, "the cut stays where it was"
    assert other != first, "another session, counted by its own model"
    assert view.made.whole.tolist() == [4_000, 8_000]


def test_a_cut_at_the_door_keeps_the_cached_prefix() -> None:
    longer = [*REPEAT, "assistant:ok", "user:next"]
    calls = [call("a", REPEAT, usage(5_504)), call("b", longer, usage(5_510 - 5_504, 5_504))]
    evaluator = evaluator_of(calls)
    view = evaluator.state((TrimTools(max_tokens=500),)).view
    leaves = evaluator.rebilled(view).leaves
    # 1,500 + 2 + 2 + 500 = 2,004 stand in front of what is new: 1,920 in whole steps of 128.
    assert leaves[1, Leaf.CACHE_READ] == 1_920
    assert leaves[1, Leaf.INPUT_FRESH] == 2_010 - 1_920


def test_head_share_divides_what_is_kept() -> None:
    evaluator = evaluator_of([call("a", REPEAT, usage(5_504))])
    layer = TrimTools(max_tokens=110, head_share=0.7)
    made = evaluator.state((layer,)).view.made
    assert (made.head.tolist(), made.tail.tolist(), made.tokens.tolist()) == ([70], [30], [110])
