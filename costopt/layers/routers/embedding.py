"""By likeness: how the cheap model did on the labelled calls that are nearest. Embedding is charged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from costopt.layers.routers.base import Asked, Decided, last_user
from costopt.layers.routers.scored import decide_by
from costopt.model.effect import Fee

PUSD_PER_USD = 10**12
PER_MTOK = 10**6


def decide(asked: Asked) -> Decided:
    """Where the cheap model was as good on calls like this one."""
    route = asked.route
    decided = decide_by(
        asked, "router_nearest", ("embedder", route.embedder), ("neighbours", route.neighbours)
    )
    return replace(decided, fees=_fees(asked)) if decided.score else decided


def _fees(asked: Asked) -> tuple[Fee, ...]:
    """Every call that is asked about is embedded once."""
    said = last_user(asked.view)
    rows = np.flatnonzero(asked.rows & (said >= 0))
    pusd_per_token = round(asked.route.embed_usd_per_mtok * PUSD_PER_USD / PER_MTOK)
    if not len(rows) or not pusd_per_token:
        return ()
    counter, model = asked.artifacts.tokens(asked.view), asked.route.embedder
    tokens = counter.count(said[rows], model)
    source = f"embed_usd_per_mtok: {asked.route.embed_usd_per_mtok:g}"
    return (Fee("route: embedding", rows, tokens * pusd_per_token, source),)
