"""`costopt recommend`: the cheapest policy under a risk limit, fitted on early sessions, told on later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from costopt.billing.context import AuditContext
from costopt.engine.policy import Policy
from costopt.engine.recommend import Figures, Recommendation, recommend, stretches_of
from costopt.engine.settings import settings_of
from costopt.errors import UsageError
from costopt.layers.discover import layer_names, name_of
from costopt.model.select import select
from costopt.money import show
from costopt.wiring.auditing import audit_context, price_book
from costopt.wiring.executing import Execution
from costopt.wiring.phases import phase
from costopt.wiring.policy.candidates import candidates
from costopt.wiring.policy.settings import layer_of
from costopt.wiring.policy.write import layer_flow, policy_yaml
from costopt.wiring.progress import progress_for
from costopt.wiring.proposing import sampled
from costopt.wiring.reading import Reading, read
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import builder_of, evaluator_of, evidence_of, policy_of

if TYPE_CHECKING:
    from costopt.prices.book import Book

NAME = "recommended"
SEMANTIC = "semantic_cache"


@dataclass(frozen=True)
class Recommended:
    """The recommendation and what it was made over."""

    found: Recommendation
    dataset_calls: int
    sampled: str
    """What part of the log it was tried on, in words; empty: all of it."""
    candidates: Policy
    own_policy: bool
    """The candidates are the user's policy, not the safe layers."""

    @property
    def not_tried(self) -> list[str]:
        """Layers that only the user can add to the candidates."""
        tried = {name_of(layer) for layer in self.candidates.layers}
        return [] if self.own_policy else [n for n in layer_names() if n not in tried]

    @property
    def settings(self) -> list[str]:
        """Of the recommended layers, as a policy writes them."""
        return [layer_flow(layer) for layer in self.found.policy.layers]

    @property
    def yaml(self) -> str:
        """The policy as a file, with both figures as comments."""
        found = self.found
        top = [f"Recommended by costopt: at most {100 * found.max_risk:g} % of answers at risk."]
        top += [
            f"{words}: {figures_text(figures)}"
            for words, figures in (
                ("On the sessions it was fitted on", found.in_sample),
                ("On later sessions, not used to choose", found.out_of_sample),
            ) if figures is not None
        ]  # fmt: skip
        below = [f"  {d.layer}: {d.reason}" for d in found.dropped]
        below = ["", "Left out:", *below] if below else []
        return policy_yaml(found.policy, top=[*top, *found.notes], below=below)

    @property
    def json(self) -> str:
        """`costopt.recommendation/1` with the policy's settings and its file."""
        import orjson

        rows = [
            {"layer": name_of(layer), "settings": settings_of(layer, {})}
            for layer in self.found.policy.layers
        ]
        document = self.found.to_json() | {"policy": {"layers": rows, "yaml": self.yaml}}
        document |= {"sampled": self.sampled or None, "not_tried": self.not_tried}
        options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
        return orjson.dumps(document, option=options).decode()


def figures_text(figures: Figures) -> str:
    """`saves $3.10 of $40.20, 7.7 % [5.1, 9.9], risk up to 0.8 %`."""
    text = f"saves {show(figures.savings_pusd)} of {show(figures.baseline_pusd)}"
    if figures.savings_pct is not None:
        text += f", {figures.savings_pct:.1f} %"
    if figures.ci95_pct:
        text += f" [{figures.ci95_pct[0]:.1f}, {figures.ci95_pct[1]:.1f}]"
    return f"{text}, risk up to {100 * figures.risk:.1f} %"


def recommended(
    options: TraceOptions, max_risk: float, policy: Path | None = None,
    execution: Execution | None = None,
) -> Recommended:  # fmt: skip
    """Raises InputError, UsageError. `policy`: the layers to choose from; None: the safe ones."""
    if not 0 <= max_risk <= 1:
        raise UsageError(
            f"{max_risk:g} is no share of the answers.", where="--max-risk",
            hint="0.01: at most one answer in a hundred may differ.",
        )  # fmt: skip
    chosen = None if policy is None else policy_of(policy)
    book = price_book(options)
    progress = progress_for(options)
    reading = read(options, progress)
    part, words = sampled(reading, options.seed)
    with phase(progress, "looking for waste"):
        given = chosen or safe_candidates(early_context(options, part, book), max_risk)
    context = audit_context(options, part, book, progress)
    evaluator = evaluator_of(context, given, builder_of(options, reading), evidence_of(reading))
    with (execution or Execution()).executors(given) as make:
        found = recommend(
            evaluator, given, max_risk=max_risk, seed=options.seed, execute=make, progress=progress
        )
    progress("trying settings", 1, 1)
    return Recommended(found, reading.trace.n, words, given, chosen is not None)


def early_context(options: TraceOptions, reading: Reading, book: Book) -> AuditContext:
    """Of the sessions before the stretch that tells: what shows in that one alone must not choose."""
    first, second, _ = stretches_of(reading.trace)
    chosen = np.zeros(len(reading.trace.sessions), np.bool_)
    chosen[np.concatenate((first, second))] = True
    early = select(reading.trace, np.flatnonzero(chosen[reading.trace.session]))
    return audit_context(options, replace(reading, trace=early), book)


def safe_candidates(context: AuditContext, max_risk: float) -> Policy:
    """The layers whose risk the log itself can show; the search holds them to the limit."""
    from costopt.findings.discover import find_all

    found = {c.name: c.layers[-1] for c in candidates(context, find_all(context))}
    if SEMANTIC in layer_names() and max_risk > 0:
        chosen = {"threshold": "auto", "ttl": "1h", "max_false_hit_rate": max_risk}
        judged = layer_of(SEMANTIC, chosen)
        if not isinstance(judged, list):
            found[SEMANTIC] = judged
    return Policy(tuple(found[name] for name in layer_names() if name in found), NAME)
