"""Claim: cut a tool's result of 10 KB to its 200 relevant tokens."""

from __future__ import annotations

from costopt.engine.evaluate import Evaluator
from costopt.layers.trim_tools import TrimTools
from study.logs import Log
from study.priced import priced
from study.words import Figures, Headline, Mark, named, pct, rate, saved, span, table

LIMITS = (200, 2000, 8000)


def of_log(e: Evaluator, log: Log) -> Figures:
    return {
        "calls": int(e.charged.sum()),
        "limits": {
            str(n): priced(e, TrimTools(max_tokens=n, user_messages=log.results_as_user))
            for n in LIMITS
        },
    }


def told(found: Figures, logs: Figures) -> list[str]:
    head = ["log", "calls that carry one above 200"]
    for n in LIMITS:
        head += [f"cut to {n:,}: bill saved", "answers that reach back"]
    rows = []
    for name, f in found["logs"].items():
        cells = [named(name, logs), pct(f["limits"]["200"]["layers"][0]["touched"] / f["calls"], 0)]
        for n in LIMITS:
            figures = f["limits"][str(n)]
            layer = figures["layers"][0]
            cells += (
                [saved(figures), rate(layer["risk"], layer["risk_ci95"])]
                if layer["touched"]
                else ["-", "-"]
            )
        rows.append(cells)
    return table(head, rows)


def headline(found: Figures) -> Headline:
    some = [f["limits"]["200"] for f in found["logs"].values()]
    some = [f for f in some if f["layers"][0]["touched"]]
    reach = [100 * f["layers"][0]["risk"] for f in some if f["layers"][0]["risk"] is not None]
    return Headline(
        "Cut tool results of 10 KB to 200 tokens",
        f"saves {span(f['pct'] for f in some)} of the bill in the {len(some)} logs that have such "
        f"results; {span(reach)} of the answers behind a cut use what was cut",
        "pays, and is not free: choose the limit by your own risk" if some else "nothing to cut here",
    )  # fmt: skip


def marks(found: Figures) -> list[Mark]:
    return [
        Mark(n, f["limits"]["200"]["pct"] or 0.0, assumed=True) for n, f in found["logs"].items()
        if f["limits"]["200"]["layers"][0]["touched"]
    ]  # fmt: skip
