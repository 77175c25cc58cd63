"""What leaves a cache of two entries, by each policy."""

from __future__ import annotations

import pytest

from costopt.layers.eviction import eviction, evictions
from costopt.layers.parts.graph import Graph, Rules, ppm
from costopt.layers.parts.replay_plain import replay_plain
from tests.layers.test_replayed import stream

# a and b are stored, a is used twice, then b once; c comes in: who is still there?
STORY = "abaabc"


def survivors(policy: str, story: str = STORY) -> str:
    """Which of a and b still serves after the story, in a cache of two."""
    left = []
    for asked in "ab":
        rules = Rules(ppm(1.0), capacity=2, eviction=policy)
        # A call in between lets the last answer be stored before the question comes.
        served = replay_plain(stream(story + asked), Graph.of_equals(3), rules)
        left.append(asked if served.source[-1] >= 0 else "")
    return "".join(left)


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ("fifo", "b"),  # a was stored first
        ("lru", "b"),  # b was used last
        ("lfu", "a"),  # a was used twice, b once
    ],
)
def test_what_leaves(policy: str, left: str) -> None:
    assert survivors(policy) == left


def test_lfu_breaks_ties_by_the_one_unused_longest() -> None:
    assert survivors("lfu", "abbac") == "a"


def test_codes_tell_policies_apart() -> None:
    assert len({eviction(name).code for name in evictions()}) == len(evictions()) == 3


def test_an_unknown_policy_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        eviction("random")
