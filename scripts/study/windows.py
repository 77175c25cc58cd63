"""Claim: the last 5 to 8 turns hold all that matters."""

from __future__ import annotations

from validation.windows import by_chance

from costopt.engine.evaluate import Evaluator
from costopt.layers.window import Window
from study.logs import Log
from study.priced import priced
from study.words import Figures, Headline, Mark, named, pct, rate, saved, span, table

CHANCE = 4.0
"""Percent of answers that seem to reach back by chance, at most, on real logs (the page of `window`)."""
VARIANTS = {
    "8": Window(turns=8),
    "5": Window(turns=5),
    "8 in steps of 8": Window(turns=8, slide_every=8),
    "5 in steps of 5": Window(turns=5, slide_every=5),
}


def of_log(e: Evaluator, log: Log) -> Figures:
    """Each by billing, with what the answers reached back for; and how much of that is chance."""
    share, looked = by_chance(e, VARIANTS["8"])
    return {
        "calls": int(e.charged.sum()), "chance": share if looked else None,
        "variants": {name: priced(e, layer) for name, layer in VARIANTS.items()},
    }  # fmt: skip


def told(found: Figures, logs: Figures) -> list[str]:
    rows = []
    for name, f in found["logs"].items():
        first = f["variants"]["8"]["layers"][0]
        rows.append((
            named(name, logs), pct(first["touched"] / f["calls"], 0),
            *(saved(f["variants"][v]) for v in VARIANTS), *_reach(f),
            pct(f["chance"] if first["touched"] else None, 0),
        ))  # fmt: skip
    head = ("log", "calls with more than 8 turns", *(f"window of {v}" for v in VARIANTS),
            "answers that reach back, window of 8", "window of 5", "by chance")  # fmt: skip
    return [*table(head, rows), "", *_sentences(found, logs)]


def _reach(f: Figures) -> list[str]:
    layers = [f["variants"][v]["layers"][0] for v in ("8", "5")]
    return [rate(x["risk"], x["risk_ci95"]) if x["touched"] else "-" for x in layers]


def _sentences(found: Figures, logs: Figures) -> list[str]:
    out = []
    for name, f in found["logs"].items():
        each, steps = f["variants"]["8"], f["variants"]["8 in steps of 8"]
        if each["saved_usd"] < 0:
            out.append(
                f"* **{name}**: the provider's cache already served {pct(logs[name]['cached_share'], 0)} "
                f"of the input. A slide at every turn ends the cached beginning right behind the task, and "
                f"the bill rises by {-each['pct']:.0f} %; sliding eight turns at once keeps it for eight "
                f"calls: {saved(steps)}."
            )
    return out


def headline(found: Figures) -> Headline:
    long = [f["variants"]["8"] for f in found["logs"].values()]
    long = [v for v in long if v["layers"][0]["touched"]]
    reach = [100 * v["layers"][0]["risk"] for v in long if v["layers"][0]["risk"] is not None]
    rises = [v for v in long if v["saved_usd"] < 0]
    says = (
        f"{span(reach)} of the answers over longer histories use something that stands only in older "
        f"turns; a slide at every turn raises the bill in {len(rises)} of {len(long)} logs that have them"
    )
    verdict = "no" if max(reach, default=0.0) > CHANCE else "not refuted here"
    if rises:
        verdict += "; slid at every turn it fights the provider's cache, in steps it can pay"
    return Headline("The last 5 to 8 turns hold all that matters", says, verdict)


def marks(found: Figures) -> list[Mark]:
    out = []
    for name, f in found["logs"].items():
        layer = f["variants"]["8"]["layers"][0]
        if layer["touched"] and layer["risk"] is not None:
            out.append(Mark(name, 100 * (1 - layer["risk"])))
    return out
