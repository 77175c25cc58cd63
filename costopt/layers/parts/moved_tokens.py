"""How many tokens another model would take for the same call, and what that rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.reasoning import expected_reasoning
from costopt.layers.parts.retokenise import Ratios, rescaled_input
from costopt.layers.parts.routing_evidence import LEAST_PAIRS, measured_ratio
from costopt.layers.parts.tiers import Target
from costopt.model.leaf import Leaf

if TYPE_CHECKING:
    from costopt.layers.routers.base import Asked

Int = NDArray[np.int64]


@dataclass(frozen=True)
class Expected:
    """Of one move, from a logged model to a target."""

    output_ratio: float
    """Visible output tokens of the target for each of the logged model's."""
    output_basis: str
    """`measured`, `from_log` (both answered the same requests): counts of the providers, tokenizers
    included. `assumed`: the texts are as long, and are counted again."""
    reasoning: float | None
    """Reasoning tokens for each visible one; None: the target reasons and nobody knows how much."""
    reasoning_basis: str
    reasoning_per_call: float
    """At least so many a call, whatever it shows: the larger of the two is billed."""
    reasoning_as_text: float
    """Share of the logged reasoning that a target without reasoning writes out."""

    def told(self) -> dict[str, Any]:
        """For the evidence."""
        return {
            "output_ratio": self.output_ratio, "output_basis": self.output_basis,
            "reasoning_ratio": self.reasoning, "reasoning_basis": self.reasoning_basis,
            "reasoning_per_call": self.reasoning_per_call,
        }  # fmt: skip


def expected(asked: Asked, target: Target, pair: int) -> Expected:
    """Replay first, then the log's own pairs, then the settings."""
    route, own = asked.route, asked.targets.names[pair][1]
    measured = asked.artifacts.measured("route")
    move = f"{own} -> {target.model}"
    ratio, basis = measured_ratio(measured, move, "output_ratio"), "measured"
    if ratio is None:
        ratio, basis = _paired_output(asked, target, pair), "from_log"
    if ratio is None:
        ratio, basis = route.output_ratio, "assumed"
    replayed = measured_ratio(measured, move, "reasoning_ratio")
    reasoning, why, per_call = expected_reasoning(
        asked.view, target.model, asked.targets.logged_as(target), replayed, route.reasoning_ratio
    )
    return Expected(ratio, basis, reasoning, why, per_call, route.reasoning_as_text)


def _paired_output(asked: Asked, target: Target, pair: int) -> float | None:
    """Visible tokens of both models' answers to the same requests; None: too few pairs."""
    twin = asked.labelled.twin(asked.targets.logged_as(target))
    rows = np.flatnonzero((asked.targets.pair == pair) & (twin >= 0))
    if len(rows) < LEAST_PAIRS:
        return None
    visible = asked.view.trace.leaves[:, Leaf.OUTPUT_TEXT]
    own = int(visible[rows].sum())
    return int(visible[twin[rows]].sum()) / own if own else None


def moved_leaves(leaves: Int, scale: Ratios, known: Expected) -> Int:  # [row, leaf]
    """A call's counts under the target. Rounded up where the target reasons: the upper end is billed."""
    out = rescaled_input(leaves, scale.request)
    visible = leaves[:, Leaf.OUTPUT_TEXT].astype(np.float64)
    hidden = leaves[:, Leaf.OUTPUT_REASONING].astype(np.float64)
    if not known.reasoning and known.reasoning_basis == "none":
        visible = visible + hidden * known.reasoning_as_text
    if known.output_basis == "assumed":
        visible = visible * scale.answer
    out[:, Leaf.OUTPUT_TEXT] = np.rint(visible * known.output_ratio)
    hidden = np.ceil(out[:, Leaf.OUTPUT_TEXT] * (known.reasoning or 0.0))
    out[:, Leaf.OUTPUT_REASONING] = np.maximum(hidden, np.ceil(known.reasoning_per_call))
    return out
