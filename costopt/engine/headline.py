"""The projection in one sentence: what is saved for sure, or that little is left, or nothing is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from costopt.engine.uncertainty import Interval
from costopt.money import show

LITTLE_PCT = 5.0
"""Below this a bill moves by itself: the increase that a cost gate lets pass from week to week."""
MOST_CACHED = 0.5
"""Of the input: from here on most of it has been paid for at a cached rate already."""


@dataclass(frozen=True)
class Facts:
    """What the sentence is made of; dollars are pico-dollars, of verified layers unless said so."""

    baseline_pusd: int
    saved_pusd: int
    verified_pusd: int
    verified_pct: float | None
    verified_ci95_pct: Interval | None
    unverified: tuple[str, ...]
    cached_share: float | None
    """Of the input, as the log records it; None: unknown."""
    cache_saved_pusd: int
    residual_pusd: int
    """Of the cache model, one standard deviation, under the verified layers."""

    def told(self, scaled: Callable[[int], int]) -> Facts:
        """The same with its dollars scaled; shares are those of the sample."""
        return replace(
            self, baseline_pusd=scaled(self.baseline_pusd), saved_pusd=scaled(self.saved_pusd),
            verified_pusd=scaled(self.verified_pusd), cache_saved_pusd=scaled(self.cache_saved_pusd),
            residual_pusd=scaled(self.residual_pusd),
        )  # fmt: skip


def verdict(facts: Facts) -> str:
    """First match from the worst to the best."""
    if facts.baseline_pusd <= 0 or facts.verified_pct is None:
        return "Nothing to save: no call in the log has a known price above $0."
    return " ".join(s for s in (_main(facts, facts.verified_pct), _unverified(facts)) if s)


def _main(facts: Facts, pct: float) -> str:
    if facts.verified_pusd < 0:
        return f"This policy costs {show(-facts.verified_pusd)} more than it saves."
    if facts.verified_pusd == 0:
        return "Nothing verified is saved." + _cached(facts)
    if facts.residual_pusd >= facts.verified_pusd:
        return (
            f"No saving is shown: the prompt-cache model's own error, {show(facts.residual_pusd)}, is "
            f"not smaller than the {show(facts.verified_pusd)} claimed."
        )
    interval = facts.verified_ci95_pct
    if interval is not None and interval[0] <= 0:
        return (
            f"No saving is shown: {pct:.1f} % with a 95 % interval from {interval[0]:.1f} to "
            f"{interval[1]:.1f} %, which includes none."
        )
    if pct < LITTLE_PCT:
        return f"Little left to save: {show(facts.verified_pusd)}, {pct:.1f} %." + _cached(facts)
    return f"{show(facts.verified_pusd)} saved, {pct:.1f} % of {show(facts.baseline_pusd)}."


def _cached(facts: Facts) -> str:
    """Why, where the provider's cache is the reason."""
    if facts.cached_share is None or facts.cached_share < MOST_CACHED:
        return ""
    return (
        f" The provider's prompt cache already serves {100 * facts.cached_share:.0f} % of the input and "
        f"has taken {show(facts.cache_saved_pusd)} off this bill."
    )


def _unverified(facts: Facts) -> str:
    """What would be on top if the assumptions hold, or what the unproven layers cost even then."""
    more = facts.saved_pusd - facts.verified_pusd
    if not facts.unverified or not more:
        return ""
    names = ", ".join(facts.unverified)
    if more < 0:
        return f"With the unproven layers ({names}) it would cost {show(-more)} more."
    return f"Unproven and not in it: {names}, {show(more)} more if the assumptions hold."
