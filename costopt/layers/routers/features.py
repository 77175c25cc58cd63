"""A small model learnt from the log's own labels: sizes, kinds, tools, words of the last user message."""

from __future__ import annotations

from costopt.layers.routers.base import Asked, Decided
from costopt.layers.routers.scored import decide_by


def decide(asked: Asked) -> Decided:
    """Where the cheap model was as good on calls like this one. Its own compute costs nothing to speak of."""
    return decide_by(asked, "router")
