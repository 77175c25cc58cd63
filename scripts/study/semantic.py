"""Claim: a semantic cache removes 30 to 50 % of calls, at a hit rate above 40 %."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from convert_clinc150 import convert as clinc150
from convert_qqp import convert as qqp
from judged_log import write

from costopt.engine.evaluate import Evaluator
from costopt.layers.exact_cache import ExactCache
from costopt.layers.semantic_cache import SemanticCache
from study.logs import Log, read
from study.priced import priced
from study.words import Figures, Headline, Mark, named, pct, rate, saved, span, table

CLAIMED = (30.0, 50.0)
ASKED = SemanticCache(threshold=0.95, ttl="none")
EVERY = SemanticCache(threshold=0.95, ttl="none", agent_turns=True, key="last_user")
"""As the article's code does it: the user's text of every call is looked up."""
SETS = {
    "QQP (pairs of questions)": ("semcache-qqp", qqp, 2),
    "CLINC150 (questions to an assistant)": ("semcache-clinc150", clinc150, 1),
}
"""Folder, converter, and how many calls stand for one look-up that can hit."""


def of_log(e: Evaluator, log: Log) -> Figures:
    """The cache as costopt takes it, as the article writes it, and an exact one beside."""
    calls = int(e.charged.sum())
    return {
        "calls": calls,
        "exact": priced(e, ExactCache(ttl="none")),
        "asked": priced(e, ASKED),
        "every": priced(e, EVERY),
    }


def of_sets(folder: Path) -> Figures:
    """Questions of which it is known whether they mean the same."""
    found: Figures = {}
    for name, (where, convert, calls) in SETS.items():
        path = folder / "traces" / where
        if path.exists():
            found[name] = _of_set(path, convert, calls)
    return found


def _of_set(path: Path, convert: Any, calls: int) -> Figures:
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log.jsonl"
        write(log, convert(path, 0))
        e = read([log])
    out: Figures = {}
    for threshold in (0.95, 0.9, 0.8, 0.7):
        layer = SemanticCache(threshold=threshold, ttl="none", embedder="builtin")
        effect = e.effect((layer,))
        report = layer.report(effect.tally, effect.detail)
        told = report.evidence
        out[str(threshold)] = {
            "look_ups": told["eligible_calls"] // calls, "hits": told["hits"],
            "false_rate": told["false_hit_rate"], "ci95": told["false_hit_ci95"],
        }  # fmt: skip
    return out


def told(found: Figures, logs: Figures) -> list[str]:
    """Two tables: agents, then judged questions."""
    rows = [_row(name, f, logs) for name, f in found["logs"].items()]
    lines = table(
        ("log", "every call asked: hits", "of these false", "where a question begins: hits",
         "of these false", "an exact cache hits", "bill saved, where a question begins"), rows,
    )  # fmt: skip
    lines += ["", *_sentences(found)]
    if found.get("sets"):
        lines += [
            "",
            *table(("questions", "threshold", "hits", "of these false"), _set_rows(found)),
        ]
    return lines


def _row(name: str, f: Figures, logs: Figures) -> tuple[str, ...]:
    every, asked, exact = (f[k]["layers"][0] for k in ("every", "asked", "exact"))
    return (
        named(name, logs), pct(_hits(every) / f["calls"], 0), _false(every),
        pct(_hits(asked) / f["calls"], 1), _false(asked),
        pct(exact["touched"] / f["calls"], 1), saved(f["asked"]),
    )  # fmt: skip


def _hits(layer: Figures) -> int:
    return int(layer["evidence"].get("hits") or 0)


def _false(layer: Figures) -> str:
    if not _hits(layer):
        return "no hit"
    unsure = "not_identical" in str(layer["evidence"]["false_basis"])
    return rate(layer["risk"], layer["risk_ci95"], unsure)


def _sentences(found: Figures) -> list[str]:
    figures = list(found["logs"].values())
    every = [f for f in figures if _hits(f["every"]["layers"][0])]
    if not every:
        return ["No call of these logs would have been answered from a cache."]
    high = max(every, key=lambda f: _hits(f["every"]["layers"][0]) / f["calls"])
    top = high["every"]["layers"][0]
    asked = [f["asked"]["layers"][0]["evidence"] for f in figures]
    hits = sum(a.get("hits") or 0 for a in asked)
    equal = sum(a.get("hits_of_an_exact_cache_too") or 0 for a in asked)
    return [
        f"A high hit rate is easy to have: asked on every call, the cache would have answered up to "
        f"{pct(_hits(top) / high['calls'], 0)} of a log's calls, {pct(top['risk'], 0)} of them with "
        "another answer than the one that the model gave. Inside an agent's loop the user's message "
        "stays the same from step to step while the work goes on, so the cache gives back the last step.",
        "",
        f"Of the {hits:,} hits where a question begins, {equal:,} are requests equal byte for byte, which an "
        "exact cache has as well, without an embedding.",
    ]


def _set_rows(found: Figures) -> list[tuple[str, ...]]:
    return [
        (name, threshold, pct(f["hits"] / f["look_ups"], 1), rate(f["false_rate"], f["ci95"]))
        for name, by in found["sets"].items() for threshold, f in by.items()
    ]  # fmt: skip


def headline(found: Figures) -> Headline:
    figures = list(found["logs"].values())
    honest = [100 * _hits(f["asked"]["layers"][0]) / f["calls"] for f in figures]
    every = [f for f in figures if _hits(f["every"]["layers"][0])]
    hits = [100 * _hits(f["every"]["layers"][0]) / f["calls"] for f in every]
    false = [100 * f["every"]["layers"][0]["risk"] for f in every]
    says = f"{span(honest)} of calls, asked only where a question begins"
    if every:
        says += (
            f"; asked on every call {span(hits)} hit, and {span(false)} of those hits give another answer "
            "than the model did"
        )
    if best := _best_set(found):
        says += f"; {best}"
    seen = max(honest, default=0.0) >= CLAIMED[0]
    return Headline(
        "A semantic cache removes 30 to 50 % of calls, with a hit rate above 40 %", says,
        "seen in some of these logs" if seen else "not on agents; as written it replays other answers",
    )  # fmt: skip


def _best_set(found: Figures) -> str:
    """Judged questions: the most hits at which at most one in twenty is false."""
    good = [
        (f["hits"] / f["look_ups"], name, t)
        for name, by in found.get("sets", {}).items() for t, f in by.items()
        if f["false_rate"] is not None and f["false_rate"] <= 0.05
    ]  # fmt: skip
    if not good:
        return ""
    share, name, threshold = max(good)
    false = found["sets"][name][threshold]["false_rate"]
    return (
        f"on the short questions of {name.split(' ')[0]} {pct(share, 0)} at {threshold}, "
        f"{pct(false, 0)} of them false"
    )


def every_marks(found: Figures) -> list[Mark]:
    return [
        Mark(name, 100 * _hits(f["every"]["layers"][0]) / f["calls"], assumed=True)
        for name, f in found["logs"].items()
    ]


def marks(found: Figures) -> list[Mark]:
    return [
        Mark(name, 100 * _hits(f["asked"]["layers"][0]) / f["calls"])
        for name, f in found["logs"].items()
    ]
