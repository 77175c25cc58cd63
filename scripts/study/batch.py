"""Claim: the batch API takes 50 % off."""

from __future__ import annotations

import numpy as np

from costopt.billing.background import session_depth
from costopt.engine.evaluate import Evaluator
from costopt.layers.batch import Batch
from study.logs import Log
from study.priced import priced
from study.words import Figures, Headline, Mark, named, pct, saved, span, table

ALL = Batch(match=(("agent", ("*",)),), deadline=1e12)
"""As if nobody waited for anything, however long it takes."""


def of_log(e: Evaluator, log: Log) -> Figures:
    rows = e.charged & e.known
    depth = session_depth(e.recorded)
    by_session = np.zeros(len(e.trace.sessions), np.int64)
    np.maximum.at(by_session, e.trace.session[rows], depth[rows])
    deep = by_session[by_session > 0]
    return {
        "calls": int(rows.sum()), "inferred": priced(e, Batch()), "all": priced(e, ALL),
        "days": [int(np.median(deep)), int(deep.max())] if len(deep) else [0, 0],
    }  # fmt: skip


def told(found: Figures, logs: Figures) -> list[str]:
    rows = []
    for name, f in found["logs"].items():
        background, everything = f["inferred"]["layers"][0], f["all"]["layers"][0]["evidence"]
        without = everything["no_batch_price"]
        rows.append((
            named(name, logs), pct(background["touched"] / f["calls"], 0), saved(f["inferred"]),
            "no batch price in the book" if without == f["calls"] else saved(f["all"]),
            pct(everything["cache_lost_calls"] / f["calls"], 0), f"{f['days'][0]} (at most {f['days'][1]})",
        ))  # fmt: skip
    head = ("log", "calls that nobody waits for", "bill saved", "everything in batches: bill saved",
            "calls that lose cached reads", "days a session may then take")  # fmt: skip
    return table(head, rows)


def headline(found: Figures) -> Headline:
    seen = [
        100 * f["inferred"]["layers"][0]["touched"] / f["calls"] for f in found["logs"].values()
    ]
    days = [f["days"][0] for f in found["logs"].values() if f["days"][0]]
    some = [f["all"]["pct"] for f in found["logs"].values() if f["all"]["layers"][0]["touched"]]
    return Headline(
        "Batching halves the bill of background work",
        f"{span(seen)} of these calls are work that nobody waits for; a whole agent in batches would save "
        f"{span(some)} and take {span(days, '')} days a session where each step waits for the last",
        "true of the price; these agents have no such work" if not any(seen)
        else "true where it applies",
    )  # fmt: skip


def marks(found: Figures) -> list[Mark]:
    return [Mark(n, f["inferred"]["pct"] or 0.0) for n, f in found["logs"].items()]
