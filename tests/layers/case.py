"""A story about one layer: a few calls, the layer with test settings, and what must change.

`tests/layers/cases/<name>.py` holds `CASES: list[Case]` for the layer of that name. Each case runs here,
and the laws (`tests/laws/`) take the same traces and settings. Calls are written with `tests.billing.small`:
one token a byte, so that what a test says can be counted by eye. Always have a case that changes nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from costopt.engine.evaluate import Evaluator
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.call import Call
from costopt.model.effect import Effect, LayerReport
from costopt.model.leaf import INPUT, OUTPUT
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import usd_text
from tests.billing.small import KINDS
from tests.layers.context import Build, Builders, Kept, evaluator_of

_SPELLED = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Expect:
    """What is behind the layer. None: not looked at; maps by call id: only those calls are looked at."""

    nothing: bool = False
    """The effect is empty."""
    sent: Mapping[str, bool] | None = None
    provider: Mapping[str, str] | None = None
    model: Mapping[str, str] | None = None
    service_tier: Mapping[str, str] | None = None
    input_tokens: Mapping[str, int] | None = None
    output_tokens: Mapping[str, int] | None = None
    max_tokens: Mapping[str, int] | None = None
    request: Mapping[str, list[str]] | None = None
    """As written: `result/search:found`. A made segment without text: `result/search:#12` (tokens)."""
    touched: Collection[str] | None = None
    """Exactly these calls."""
    at_risk: Collection[str] | None = None
    charges: Mapping[str, int] | None = None
    """What to all tokens charged: exactly these."""
    tally: Mapping[str, int] | None = None
    evidence: Mapping[str, Any] | None = None
    """Of the report; only the keys named."""
    risk: float | None = None
    saved_usd: str | None = None
    """Baseline minus what remains to be paid, overhead included, as exact decimal dollars."""


@dataclass(frozen=True)
class Case:
    """One story. `calls`: small calls, made anew by a function where a test could change them; or a trace."""

    name: str
    layer: Layer
    calls: Sequence[Call] | Trace
    expect: Expect = field(default_factory=Expect)
    before: tuple[Layer, ...] = ()
    """Layers that stand in front."""
    gap_s: float = 10.0
    fields: Mapping[str, str] = field(default_factory=dict)
    builders: Mapping[str, Build] = field(default_factory=dict)
    """Artifacts by kind; the others are built by the product itself."""
    measured: Mapping[str, Any] = field(default_factory=dict)
    """What replays measured of the layer."""
    prices: Any = None
    texts: Kept | None = None
    """Where `calls` is a trace."""

    @property
    def id(self) -> str:
        return f"{name_of(self.layer)}: {self.name}"

    def evaluator(self) -> Evaluator:
        """A fresh one: nothing is kept from another case."""
        return evaluator_of(
            self.calls, texts=self.texts, prices=self.prices, fields=self.fields,
            builder=Builders(self.builders), gap_s=self.gap_s,
            evidence={name_of(self.layer): self.measured},
        )  # fmt: skip

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (*self.before, self.layer)


def cases(layer: str = "") -> list[Case]:
    """All cases, or those of one layer."""
    from tests.layers import cases as package

    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    chosen = [n for n in names if layer in ("", n)]
    return [c for n in chosen for c in importlib.import_module(f"{package.__name__}.{n}").CASES]


def check(case: Case) -> None:
    """Run the case and compare all that it expects."""
    evaluator = case.evaluator()
    effect, view = evaluator.effect(case.layers), evaluator.state(case.layers).view
    found = seen(evaluator, effect, view, case)
    for part in fields(Expect):
        wanted, got = getattr(case.expect, part.name), found.get(part.name)
        if wanted is None or (part.name == "nothing" and not wanted):
            continue
        if part.name in ("touched", "at_risk"):
            wanted = sorted(wanted)
        elif isinstance(wanted, Mapping) and part.name not in ("charges", "tally"):
            assert isinstance(got, Mapping)
            missing = set(wanted) - set(got)
            assert not missing, f"{case.id}: {part.name} has no {sorted(missing)}"
            got = {key: got[key] for key in wanted}
        assert got == wanted, f"{case.id}: {part.name} is {got}, not {wanted}"


def seen(evaluator: Evaluator, effect: Effect, view: View, case: Case) -> dict[str, Any]:
    """The same words as `Expect`, from the run."""
    report: LayerReport = case.layer.report(effect.tally, effect.detail)
    rebilled = view.edited(leaves=evaluator.rebilled(view).leaves)
    ids = evaluator.trace.id
    saved = evaluator.baseline.total_pusd - evaluator.value(case.layers)
    columns = {
        "sent": view.sent.tolist(), "provider": view.provider.texts(), "model": view.model.texts(),
        "service_tier": view.service_tier.texts(), "max_tokens": view.max_tokens.tolist(),
        "input_tokens": rebilled.leaves[:, INPUT].sum(axis=1).tolist(),
        "output_tokens": rebilled.leaves[:, OUTPUT].sum(axis=1).tolist(),
        "request": [spelled(evaluator, view, row) for row in range(len(ids))],
    }  # fmt: skip
    return {
        **{name: dict(zip(ids, values, strict=True)) for name, values in columns.items()},
        "nothing": effect.is_empty,
        "touched": _ids(effect.touched, ids), "at_risk": _ids(effect.at_risk, ids),
        "charges": _charged(effect), "tally": dict(effect.tally), "evidence": report.evidence,
        "risk": report.risk.value, "saved_usd": usd_text(saved),
    }  # fmt: skip


def spelled(evaluator: Evaluator, view: View, call: int) -> list[str]:
    """A request as the tests write it."""
    ids = view.request.row(call)
    table = view.segments
    texts = evaluator.handed.texts(view).get(ids)
    tokens = evaluator.handed.tokens(view).count(ids, view.model.texts()[call])
    out = []
    for segment, text, count in zip(ids.tolist(), texts, tokens.tolist(), strict=True):
        name = table.name.values[table.name.codes[segment]]
        kind = _SPELLED.get(int(table.kind[segment]), "block")  # type: ignore[call-overload]
        out.append(f"{kind}{'/' if name else ''}{name}:{f'#{count}' if text is None else text}")
    return out


def _ids(rows: Any, ids: tuple[str, ...]) -> list[str]:
    return [] if rows is None else sorted(ids[i] for i in np.flatnonzero(rows).tolist())


def _charged(effect: Effect) -> dict[str, int]:
    out: dict[str, int] = {}
    for charge in effect.charges:
        out[charge.what] = out.get(charge.what, 0) + int(charge.leaves.sum())
    return out
