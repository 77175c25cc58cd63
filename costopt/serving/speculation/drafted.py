"""What drafting by look-up does against answers that are already there, and its sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.speculation.load import Yield

Ids = NDArray[np.int64]
"""[token] ids of one text."""
Counts = NDArray[np.int64]
"""[step]"""


@dataclass(frozen=True, slots=True)
class Steps:
    """The decode steps of one answer (or several), as a greedy verifier would have gone through them.

    The first token of an answer comes from the prefill and belongs to no step. A step yields the accepted
    tokens and one more; the last of an answer may lack that one, since the recorded text ends there.
    """

    drafted: Counts
    """[step] tokens proposed; 0: nothing was found."""
    accepted: Counts
    """[step] of them equal to the answer, up to the first that differs."""
    tokens: int
    """Answer tokens that these steps yielded."""

    def __len__(self) -> int:
        return len(self.drafted)

    @classmethod
    def joined(cls, parts: Iterable[Steps]) -> Steps:
        """The steps of several answers as one."""
        parts = list(parts)
        if not parts:
            nothing = np.zeros(0, np.int64)
            return cls(nothing, nothing, 0)
        return cls(
            np.concatenate([part.drafted for part in parts]),
            np.concatenate([part.accepted for part in parts]),
            sum(part.tokens for part in parts),
        )

    @property
    def drafts(self) -> int:
        """Steps that had a draft; what vLLM counts as `num_drafts`."""
        return int(np.count_nonzero(self.drafted))

    @property
    def drafted_tokens(self) -> int:
        return int(self.drafted.sum())

    @property
    def accepted_tokens(self) -> int:
        return int(self.accepted.sum())

    @property
    def coverage(self) -> float:
        """Share of steps with a draft; 0 where there are no steps."""
        return self.drafts / len(self) if len(self) else 0.0

    @property
    def tokens_per_step(self) -> float:
        """Over all steps, those without a draft included: the gain where verifying is free."""
        return self.tokens / len(self) if len(self) else 1.0

    @property
    def acceptance_length(self) -> float | None:
        """1 + accepted / drafts, as vLLM prints it, steps without a draft left out; None: no draft."""
        return 1.0 + self.accepted_tokens / self.drafts if self.drafts else None

    @property
    def reported_acceptance(self) -> float | None:
        """accepted / drafted; None: nothing was drafted."""
        return self.accepted_tokens / self.drafted_tokens if self.drafted_tokens else None

    def accepted_per_position(self) -> Counts:
        """[position] drafts of which this place was accepted, as vLLM's `num_accepted_tokens_per_pos`."""
        return _at_least(self.accepted)

    def drafted_per_position(self) -> Counts:
        """[position] drafts that had this place; vLLM does not count it."""
        return _at_least(self.drafted)

    def acceptance(self) -> Acceptance | None:
        """Chance by place among drafts that reached and had it; None: nothing was drafted."""
        drafted = self.drafted_per_position()
        if not len(drafted):
            return None
        accepted = self.accepted_per_position()
        chances = []
        for place in range(len(drafted)):
            had = int(np.count_nonzero((self.drafted > place) & (self.accepted >= place)))
            won = int(accepted[place]) if place < len(accepted) else 0
            if not had:
                break
            chances.append(won / had)
        return Acceptance(tuple(chances), self.coverage)

    def as_yield(self) -> Yield:
        """What a step gives and asks for, for the gain at a load."""
        drafted = self.drafted_tokens / len(self) if len(self) else 0.0
        return Yield(self.tokens_per_step, drafted, 0)


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard error of a mean over groups (sessions) that are unlike each other; groups: for Student's t."""

    standard_error: float
    groups: int


def spread(parts: Sequence[Steps], group: Sequence[int]) -> Spread | None:
    """Of the tokens a step, answers of one group taken together; None: fewer than two groups have steps.

    The linearised error of a ratio of sums: each group's tokens beyond what its steps would give on average.
    """
    _, index = np.unique(np.asarray(group), return_inverse=True)
    steps = np.bincount(index, weights=[len(part) for part in parts])
    tokens = np.bincount(index, weights=[part.tokens for part in parts])
    n = int(np.count_nonzero(steps))
    if n < 2:
        return None
    beyond = tokens - tokens.sum() / steps.sum() * steps
    error = np.sqrt(n / (n - 1) * (beyond**2).sum()) / steps.sum()
    return Spread(float(error), n)


def _at_least(values: Counts) -> Counts:
    """[place] how many values are larger than the place."""
    longest = int(values.max(initial=0))
    counts = np.bincount(values, minlength=longest + 1)
    return counts[::-1].cumsum()[::-1][1:].astype(np.int64)


def verified(next_accepted: Ids, next_drafted: Ids, tokens: int) -> Steps:
    """Walks an answer, given what would be drafted and accepted from each of its places.

    Args:
        next_accepted: [token of the answer] accepted, if a step began when so many tokens were there.
        next_drafted: the same for drafted.
        tokens: length of the answer.
    """
    accepted = next_accepted.tolist()
    places, done = [], 1
    while done < tokens:
        places.append(done)
        done += accepted[done] + 1
    chosen = np.array(places, np.int64)
    return Steps(next_drafted[chosen], next_accepted[chosen], max(tokens - 1, 0))
