"""A small model is asked for the tier. Its tokens are charged; its answers must be on record."""

from __future__ import annotations

import numpy as np

from costopt.errors import UsageError
from costopt.layers.routers.base import Asked, Decided, last_user
from costopt.layers.routers.recorded import from_column
from costopt.model.effect import Charge
from costopt.model.leaf import N_LEAVES, Leaf


def decide(asked: Asked) -> Decided:
    """Tiers from `decisions`, and for every call that was asked about the classifier's own tokens."""
    route = asked.route
    if not route.llm_model:
        raise UsageError(
            "route: classifier llm asks a model, and none is named.", where="llm_model",
            hint="For example  llm_model: gpt-4o-mini.",
        )  # fmt: skip
    if not route.decisions:
        raise UsageError(
            "route: what a model would say of a call is not in the log, and cannot be computed from it.",
            where="classifier: llm",
            hint="Replay the classifier on a sample, or name the column that holds its recorded"
            " decisions (simple, moderate, complex) in `decisions`.",
        )
    decided = from_column(asked)
    return Decided(decided.tier, charges=(_charge(asked),))


def _charge(asked: Asked) -> Charge:
    """Its prompt and the call's last user message in, a word out. No cache: the price is an upper bound."""
    route, rows = asked.route, np.flatnonzero(asked.rows)
    known = asked.prices.canonical("", route.llm_model)
    if known is None:
        raise UsageError(
            f"route: no model is called {route.llm_model}.", where="llm_model",
            hint="Write it as provider/model, or give its price in prices.yaml (--prices).",
        )  # fmt: skip
    said = last_user(asked.view)[rows]
    leaves = np.zeros((len(rows), N_LEAVES), np.int64)
    shown = said >= 0
    counter = asked.artifacts.tokens(asked.view)
    leaves[shown, Leaf.INPUT_FRESH] = counter.count(said[shown], known[1])
    leaves[:, Leaf.INPUT_FRESH] += route.llm_prompt_tokens
    leaves[:, Leaf.OUTPUT_TEXT] = route.llm_output_tokens
    return Charge("route: classifier", known[0], known[1], rows, leaves)
