"""Little left to save: said first where that is the truth."""

from __future__ import annotations

from costopt.engine.headline import LITTLE_PCT
from costopt.model.result import Projection, Result
from costopt.report.card import Card, Fact, NotApplicable
from costopt.report.policy_words import NO_POLICY, acts, interval_words, places_of
from costopt.report.words import dollars

ORDER = 12
NAME, TITLE = "little_left", "Little left to save"


def build(result: Result) -> Card | NotApplicable:
    """A verified saving that is small or not told from none, and no hope of a large one."""
    found = result.projection
    if found is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    if found.baseline_usd <= 0 or found.verified_savings_pct is None:
        return NotApplicable(NAME, TITLE, "no call in the log has a known price above $0")
    other = _otherwise(found, found.verified_savings_pct)
    if other:
        return NotApplicable(NAME, TITLE, other)
    return Card(NAME, TITLE, found.verdict, facts=_facts(found), notes=_notes(found))


def _otherwise(found: Projection, pct: float) -> str:
    """Why the card would not be true: a saving stands, may stand, or the policy is a bad one."""
    if pct < 0:
        return "this policy costs more than it saves: that says nothing about better ones"
    includes_none = found.verified_ci95_pct is not None and found.verified_ci95_pct[0] <= 0
    if pct >= LITTLE_PCT and not includes_none:
        return f"the verified layers save {pct:.1f} % of the bill"
    hoped = found.savings_pct or 0.0
    if hoped >= LITTLE_PCT and found.savings_usd > found.verified_savings_usd:
        return f"little is verified, but with its unproven layers the policy may save {hoped:.1f} %"
    return ""


def _facts(found: Projection) -> list[Fact]:
    places = places_of(found)
    facts = [
        Fact("verified", dollars(found.verified_savings_usd, places),
             f"{found.verified_savings_pct:.1f} % of {dollars(found.baseline_usd, places)}"
             + _interval(found)),
    ]  # fmt: skip
    if found.provider_cache_saved_usd > 0:
        facts.append(Fact(
            "taken off already", dollars(found.provider_cache_saved_usd, places),
            "by the provider's prompt cache",
        ))  # fmt: skip
    hoped = found.savings_usd - found.verified_savings_usd
    if hoped > 0:
        facts.append(
            Fact("unproven", dollars(hoped, places), "more, if what is assumed turns out true")
        )
    if found.cache_residual_usd > 0 and found.cache_residual_pp is not None:
        facts.append(Fact(
            "error of the cache's model", dollars(found.cache_residual_usd, places),
            f"{found.cache_residual_pp:.1f} points of the input, on sessions left out of its fit",
        ))  # fmt: skip
    return facts


def _interval(found: Projection) -> str:
    text = interval_words(found.verified_ci95_pct)
    return f" ({text})" if text else ""


def _notes(found: Projection) -> list[str]:
    unproven = [row["layer"] for row in found.layers if not row["verified"] and acts(row)]
    if unproven:
        return [
            f"What would settle it: a replay of {', '.join(dict.fromkeys(unproven))} on a sample of calls."
        ]
    return ["Of this policy. `costopt recommend` searches the settings of all layers."]
