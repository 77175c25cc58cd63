"""Do two answers agree? One test a file, the layer's headline test first.

A test says of a pair: same, different, or nothing (None), where it does not fit the pair. All of it is a
comparison of texts: that two answers differ does not say that one is wrong.
"""

from __future__ import annotations

from costopt.replay.compare.agreement.answers import HEADLINE, Answers
from costopt.replay.compare.agreement.base import AnswerTest
from costopt.replay.compare.agreement.exact import Exact
from costopt.replay.compare.agreement.json_equal import JsonEqual
from costopt.replay.compare.agreement.judge import Judge, Judged
from costopt.replay.compare.agreement.same_action import SameAction
from costopt.replay.compare.agreement.similarity import Similar, Similarity

__all__ = ["HEADLINE", "Answers", "Judged", "Similarity", "AnswerTest", "all_tests"]


def all_tests(similarity: Similarity | None, judged: Judged | None) -> list[AnswerTest]:
    """All tests that can be made, the headline first."""
    found: list[AnswerTest] = [Answers(), SameAction(), JsonEqual(), Exact()]
    if similarity is not None:
        found.append(Similar(similarity))
    if judged is not None:
        found.append(Judge(judged))
    return found
