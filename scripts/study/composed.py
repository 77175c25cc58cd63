"""Claim: the whole stack cuts the bill by 60 to 80 %. Composed, and how far a sum would lie."""

from __future__ import annotations

from math import prod

from costopt.engine.evaluate import Evaluator
from costopt.layers.base import Layer
from costopt.layers.batch import Batch
from costopt.layers.exact_cache import ExactCache
from costopt.layers.prompt_layout import PromptLayout
from costopt.layers.trim_tools import TrimTools
from costopt.layers.window import Window
from study.compression import compressors
from study.logs import Log
from study.output import shorter
from study.priced import priced
from study.routing import four_of_five
from study.semantic import ASKED, EVERY
from study.words import Figures, Headline, Mark, named, pct, saved, span, table, usd

CLAIMED = (60.0, 80.0)
LETTER, HOPED = "to the letter", "if all of it came true"
CAREFUL, AWARE = "what the log can back", "with the cache in mind"
WHAT = {
    LETTER: "a semantic cache on every call, the shortest 80 % of calls to a small model, tool results "
    "cut to 200 tokens, a window of 8 turns, prose compressed 3 times, every answer 2.5 times "
    "shorter, background work in batches",
    HOPED: "the same with the semantic cache asked only where a question begins: what is left rests on small "
    "models that answer as well in as many steps, and on ratios that nobody measured here",
    CAREFUL: "the same without what no log can show (routing without judged answers, compression, shorter "
    "answers)",
    AWARE: "an exact cache, tool results cut to 2,000 tokens, a window of 8 turns that slides eight at a "
    "time, stable parts of prompts first, batches only where they are cheaper",
}
"""The stacks in their usual order, in words."""


def stacks(e: Evaluator, log: Log) -> dict[str, tuple[Layer, ...]]:
    """Layers in the order in which they act."""
    trim = TrimTools(max_tokens=200, user_messages=log.results_as_user)
    rest = (four_of_five(e), trim, Window(turns=8), *compressors(log, 1 / 3), shorter(0.4), Batch())
    return {
        LETTER: (EVERY, *rest),
        HOPED: (ASKED, *rest),
        CAREFUL: (ASKED, trim, Window(turns=8), Batch()),
        AWARE: (
            ExactCache(ttl="none"), TrimTools(max_tokens=2000, user_messages=log.results_as_user),
            Window(turns=8, slide_every=8), PromptLayout(), Batch(only_if_cheaper=True),
        ),
    }  # fmt: skip


def of_log(e: Evaluator, log: Log) -> Figures:
    return {name: priced(e, *layers) for name, layers in stacks(e, log).items()}


def solo_sum(f: Figures) -> float:
    """Percent of the bill, each layer's saving alone, added up."""
    return 100 * sum(x["solo_usd"] for x in f["layers"]) / f["baseline_usd"]


def solo_product(f: Figures) -> float:
    """The usual formula: what each leaves of the bill, multiplied."""
    return 100 * (1 - prod(1 - x["solo_usd"] / f["baseline_usd"] for x in f["layers"]))


def told(found: Figures, logs: Figures) -> list[str]:
    lines: list[str] = []
    head = ("log", "bill", "composed", "sum of solo savings", "product formula", "verified",
            "answered from a cache: calls, of these otherwise")  # fmt: skip
    for stack, what in WHAT.items():
        rows = [_row(n, f[stack], logs) for n, f in found["logs"].items()]
        lines += [f"**{stack[0].upper()}{stack[1:]}**: {what}.", "", *table(head, rows), ""]
    return [*lines, *_steps(found, logs)]


def _row(name: str, f: Figures, logs: Figures) -> tuple[str, ...]:
    cache = f["layers"][0]
    hits = cache["evidence"].get("hits") or 0
    wrong = "-" if not hits or cache["risk"] is None else f"{hits:,}, {pct(cache['risk'], 0)}"
    return (
        named(name, logs), usd(f["baseline_usd"]), saved(f), f"{solo_sum(f):+.1f} %",
        f"{solo_product(f):+.1f} %", pct((f["verified_pct"] or 0.0) / 100), wrong,
    )  # fmt: skip


def _steps(found: Figures, logs: Figures) -> list[str]:
    """Alone and at its place, of the stack that the log can back."""
    rows = [
        (named(n, logs), x["layer"], usd(x["solo_usd"]), usd(x["step_usd"]))
        for n, f in found["logs"].items() for x in f[CAREFUL]["layers"]
        if x["solo_usd"] or x["step_usd"]
    ]  # fmt: skip
    if not rows:
        return ["Nothing of it changes a call of these logs."]
    return [f"Layer by layer, {CAREFUL}:", "",
            *table(("log", "layer", "alone", "at its place in the stack"), rows)]  # fmt: skip


def headline(found: Figures) -> Headline:
    by = {s: [f[s]["pct"] for f in found["logs"].values() if f[s]["pct"] is not None] for s in WHAT}
    letter = [f[LETTER]["layers"][0] for f in found["logs"].values()]
    wrong = [100 * x["risk"] for x in letter if x["evidence"].get("hits") and x["risk"] is not None]
    says = f"{span(by[CAREFUL])} for what a log can back, {span(by[AWARE])} with the provider's cache in mind"
    if wrong:
        sums = [solo_sum(f[LETTER]) for f in found["logs"].values()]
        says += (
            f"; to the letter {span(by[LETTER])}, with {span(wrong)} of the cached answers other than the "
            f"model's, and a sum of the single savings would have said up to {max(sums):.0f} %"
        )
    says += f"; {span(by[HOPED])} if small models answered as well and every ratio came true"
    seen = max(by[CAREFUL] + by[AWARE], default=0.0) >= CLAIMED[0]
    return Headline(
        "The whole stack saves 60 to 80 %", says,
        "seen in some of these logs" if seen else "not what a log can back; the rest is unproven or wrong",
    )  # fmt: skip


def marks(found: Figures, stack: str) -> list[Mark]:
    unproven = stack in (LETTER, HOPED)
    return [Mark(n, f[stack]["pct"] or 0.0, unproven) for n, f in found["logs"].items()]
