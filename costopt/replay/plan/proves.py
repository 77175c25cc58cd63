"""What a number of answers can prove, and how many a wished interval takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from costopt.layers.parts.interval import clopper_pearson, wilson
from costopt.replay.compare.clusters import Share

NOISE_PRIOR = 0.9
"""Share of answers that agree, before any was asked for: what sizes a sample by its interval. Half (the
worst case of a share) would ask for nearly three times as many; a model mostly agrees with itself."""
MOST_ANSWERS = 1_000_000


def least_share(answers: float) -> float:
    """Lower end of the exact two-sided 95 % interval where all answers agree: 0.929 for 50."""
    return float(clopper_pearson(answers, answers)[0]) if answers else 0.0


def sentence(
    answers: int, cluster: Sequence[int] = (), weight: Sequence[float] | None = None
) -> str:  # fmt: skip
    """`50 of 50 agreeing proves at least 92.9 %`. `cluster`, `weight`: [answer]; none: each is of a session
    of its own. Answers of few sessions prove less: one session may have them all alike."""
    if not answers:
        return "no answer to judge: proves nothing"
    found = Share.of([False] * answers, cluster or range(answers), weight)
    text = f"{answers:,} of {answers:,} agreeing proves at least {100 * least_share(found.effective):.1f} %"
    few = found.clusters < answers
    return (
        f"{text} ({found.clusters:,} session{'s' if found.clusters > 1 else ''})" if few else text
    )


def answers_for(half_width_pp: float, share: float = NOISE_PRIOR) -> int:
    """Answers whose 95 % interval (Wilson) is at most so wide to either side, at this agreement."""
    low, high = 1, MOST_ANSWERS
    while low < high:
        middle = (low + high) // 2
        if half_width(middle, share) <= half_width_pp:
            high = middle
        else:
            low = middle + 1
    return low


def half_width(answers: int, share: float = NOISE_PRIOR) -> float:
    """Percentage points."""
    ends = wilson(share * answers, answers)
    width = float(ends[1] - ends[0]) / 2
    return math.inf if not answers else 100 * width
