"""What an acceptance rate is worth in tokens, and what the rate that an engine prints really says.

Three numbers are called acceptance rate. `a`, used here, is the chance that a drafted token is accepted
*given that all before it in the draft were*. Engines print accepted / drafted over all positions, which is
lower, since after the first rejection the rest of a draft is lost: a = 0.8 shows as 0.54 with 5 drafted
tokens. vLLM also counts accepted tokens by position, which gives `a` of each position directly.

The acceptance *length* is 1 + accepted / drafts: the bonus token, which the target's own pass gives, is in.
Formulas: Leviathan et al. 2023, https://arxiv.org/abs/2211.17192, checked 2026-11-25.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.errors import UsageError

_HALVINGS = 80
"""Each halves the interval of the root: far below the spacing of floats near 1."""


def expected_tokens(a: float, draft_tokens: int) -> float:
    """Tokens that a step yields on average: (1 - a^(g+1)) / (1 - a), between 1 and g + 1.

    Summed as 1 + a + ... + a^g, which is the same and stays exact where a is near 1.

    >>> round(expected_tokens(0.8, 5), 4)
    3.6893
    """
    _check(a, draft_tokens)
    total = 1.0
    for _ in range(draft_tokens):
        total = total * a + 1.0
    return total


def reported_acceptance(a: float, draft_tokens: int) -> float:
    """accepted / drafted, as engines print it: (E - 1) / g.

    >>> round(reported_acceptance(0.8, 5), 4)
    0.5379
    """
    _check_drafts(draft_tokens)
    return (expected_tokens(a, draft_tokens) - 1.0) / draft_tokens


def acceptance_of_length(length: float, draft_tokens: int) -> float:
    """The constant `a` whose drafts of g tokens yield this acceptance length (bonus token included)."""
    _check_drafts(draft_tokens)
    if not 1.0 <= length <= draft_tokens + 1:
        raise UsageError(
            f"An acceptance length of {length:g} is not possible with {draft_tokens} drafted tokens.",
            hint=f"It lies between 1 and {draft_tokens + 1}; the bonus token counts.",
        )
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if expected_tokens(middle, draft_tokens) < length:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def conditional_acceptance(reported: float, draft_tokens: int) -> float:
    """`a` from the accepted / drafted of an engine: the one root of a rising function.

    >>> round(conditional_acceptance(reported_acceptance(0.8, 5), 5), 9)
    0.8
    """
    if not 0.0 <= reported <= 1.0:
        raise UsageError(f"{reported:g} is no share of drafted tokens.", hint="Give 0 to 1.")
    return acceptance_of_length(1.0 + reported * draft_tokens, draft_tokens)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Chance that the next drafted token is accepted, by its place in the draft.

    Beyond the last place that is known, the last chance is held.
    """

    by_position: tuple[float, ...]
    """Given that all before were accepted."""
    coverage: float = 1.0
    """Share of steps that have a draft at all. Look-up methods find none in many steps."""

    def __post_init__(self) -> None:
        shares = (*self.by_position, self.coverage)
        if not self.by_position or not all(0.0 <= one <= 1.0 for one in shares):
            raise UsageError("An acceptance needs at least one share between 0 and 1.")

    @classmethod
    def constant(cls, a: float) -> Acceptance:
        """The same at every place: the arithmetic of the papers."""
        return cls((a,))

    @classmethod
    def of_positions(
        cls, accepted: Sequence[float], drafts: float, steps: float | None = None
    ) -> Acceptance:
        """From vLLM's counters `spec_decode_num_accepted_tokens_per_pos` and `..._num_drafts`.

        Where drafts are of different lengths (n-gram, suffix), a place that was not drafted counts as
        rejected there, and the later places come out too low; the tokens a step are still right.

        Args:
            accepted: [position] drafts of which this place was accepted.
            drafts: drafts verified.
            steps: decode steps of a sequence, with a draft or without; None: every step had one.
        """
        if drafts <= 0:
            raise UsageError("Nothing was drafted, so nothing is known about acceptance.")
        before, chances = float(drafts), []
        for count in accepted:
            if count > before:
                raise UsageError("A place was accepted more often than the one before it.")
            chances.append(count / before if before else 0.0)
            before = float(count)
        return cls(tuple(chances), 1.0 if steps is None else min(1.0, drafts / steps))

    def at(self, position: int) -> float:
        """Chance at a place, counted from 0."""
        return self.by_position[min(position, len(self.by_position) - 1)]

    def tokens_per_step(self, draft_tokens: int) -> float:
        """Mean tokens a step, those without a draft included."""
        if draft_tokens < 0:
            raise UsageError("A draft cannot have fewer than no tokens.")
        reached, extra = 1.0, 0.0
        for position in range(draft_tokens):
            reached *= self.at(position)
            extra += reached
        return 1.0 + self.coverage * extra

    def drafted_per_step(self, draft_tokens: int) -> float:
        """Mean drafted tokens a step: what verification computes beside the one token."""
        return self.coverage * draft_tokens

    def reported(self, draft_tokens: int) -> float:
        """accepted / drafted, as an engine would print it."""
        _check_drafts(draft_tokens)
        drafted = self.drafted_per_step(draft_tokens)
        return (self.tokens_per_step(draft_tokens) - 1.0) / drafted if drafted else 0.0


def _check(a: float, draft_tokens: int) -> None:
    if not 0.0 <= a <= 1.0:
        raise UsageError(f"{a:g} is no chance of acceptance.", hint="Give 0 to 1.")
    if draft_tokens < 0:
        raise UsageError("A draft cannot have fewer than no tokens.")


def _check_drafts(draft_tokens: int) -> None:
    if draft_tokens < 1:
        raise UsageError(
            "Without drafted tokens there is no acceptance.", hint="Draft at least one."
        )
