"""The headline: each pair under the strictest test that its reference asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from costopt.replay.compare.agreement.base import AnswerTest, Pair
from costopt.replay.compare.agreement.exact import Exact
from costopt.replay.compare.agreement.json_equal import JsonEqual
from costopt.replay.compare.agreement.same_action import SameAction

HEADLINE = "answers"
_WORDS = {
    "same_action": "same tools and arguments", "json_equal": "equal JSON", "exact": "word for word",
}  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """Same tools and arguments where the reference calls tools, equal JSON where it is JSON, else word for
    word."""

    name: str = HEADLINE

    def same(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """[pair]"""
        every: tuple[AnswerTest, ...] = (SameAction(), JsonEqual(), Exact())
        told = {test.name: test.same(pairs) for test in every}
        return [told[kind_of(pair)][i] for i, pair in enumerate(pairs)]


def kind_of(pair: Pair) -> str:
    """Name of the test that the pair is held to."""
    if pair.reference.calls_tools:
        return "same_action"
    return "json_equal" if pair.reference.is_json else "exact"


def kinds(pairs: Sequence[Pair]) -> dict[str, int]:
    """Pairs by test, most first."""
    return dict(Counter(kind_of(pair) for pair in pairs).most_common())


def in_words(pairs: Sequence[Pair]) -> str:
    """`same tools and arguments 80, word for word 20`."""
    found = kinds(pairs)
    if len(found) == 1:
        return _WORDS[next(iter(found))]
    return ", ".join(f"{_WORDS[name]} {n}" for name, n in found.items())
