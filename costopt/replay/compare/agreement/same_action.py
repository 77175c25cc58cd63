"""The same tools with equal arguments, in order: the agent would do the same next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.replay.compare.agreement.base import Pair


@dataclass(frozen=True)
class SameAction:
    """Fits where one of the two calls a tool: a text in place of an action is another answer, and so is an
    action in place of a text. Words beside the calls do not count."""

    name: str = "same_action"

    def same(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """[pair]"""
        return [_same(pair) for pair in pairs]


def _same(pair: Pair) -> bool | None:
    one, other = pair.reference, pair.answer
    if not (one.calls_tools or other.calls_tools):
        return None
    return one.calls_tools and other.calls_tools and one.form.key == other.form.key
