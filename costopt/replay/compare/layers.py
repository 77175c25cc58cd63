"""One line a layer: what was projected, what was measured, what its answers did, and what follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from costopt.model.replayed import ReplayedLayer
from costopt.replay.compare.agreement.base import AnswerTest
from costopt.replay.compare.agreement.table import floor_for, table
from costopt.replay.compare.chosen import pairs_for, rows_for
from costopt.replay.compare.known import Known, PolicyLayer
from costopt.replay.compare.measured import Measured, Row
from costopt.replay.compare.pairs import Pairs, bare, rows_by_call
from costopt.replay.compare.quantities import Asked, found_of
from costopt.replay.compare.verdict import NOT_MEASURED, Says, says
from costopt.replay.items import Half, Plan

NO_ANSWER = "No answered request tells of this layer."
NO_RISK = "No answer of the judging half is at its risk."
SAME_REQUEST = "The request stays the same: its answers are at no risk, and the price is a rule."
_RULES = {"batch": "price rule"}


@dataclass(frozen=True)
class Grounds:
    """All that layers are judged by."""

    plan: Plan
    measured: Measured
    pairs: Pairs
    tests: Sequence[AnswerTest]
    known: Known

    @cached_property
    def unchanged(self) -> dict[int, Row]:
        """Row of the trace to the same call sent as the log has it."""
        return rows_by_call(self.measured.rows)

    def half(self, half: Half) -> Grounds:
        """What one half of the sample says, and nothing of the other."""
        rows = tuple(r for r in self.measured.rows if r.item.half == half)
        measured = replace(self.measured, rows=rows)
        return replace(self, measured=measured, pairs=self.pairs.half(half))


def replayed_layers(has: Grounds) -> list[ReplayedLayer]:
    """In policy order."""
    judges = has.half(Half.JUDGES)
    return [replayed_layer(layer, has, judges) for layer in policy_layers(has.plan, has.known)]


def policy_layers(plan: Plan, known: Known) -> list[PolicyLayer]:
    """As told, a second one of a name as `name#2`; else every layer that the plan names, in its order."""
    if known.layers:
        seen: Counter[str] = Counter()
        return [_numbered(layer, seen) for layer in known.layers]
    named = (name for item in plan.items for name in (item.stratum, *item.layers) if name)
    return [PolicyLayer(name) for name in dict.fromkeys((*named, *plan.not_measured))]


def _numbered(layer: PolicyLayer, seen: Counter[str]) -> PolicyLayer:
    seen[layer.name] += 1
    again = seen[layer.name]
    return layer if again == 1 else replace(layer, name=f"{layer.name}#{again}")


def replayed_layer(layer: PolicyLayer, has: Grounds, judges: Grounds) -> ReplayedLayer:
    """`projected_usd` as told; `now_usd` needs the projection made anew and is left to its caller.

    Answers and quantities are those of the judging half: the other half's stand in the evidence.
    """
    chosen = pairs_for(layer.name, judges.pairs.compared)
    floor = floor_for(layer.name, chosen.found, judges.pairs.noise)
    lines = table(has.tests, chosen.found, floor)
    rows = rows_for(layer.name, has.measured.rows).found
    found = found_of(layer.name, _asked(layer, judges))
    tolerance = has.known.tolerance_pp / 100
    verdict = says(chosen, lines, floor, tolerance) if lines else _unmeasured(layer, rows, has)
    return ReplayedLayer(
        layer=layer.name, settings=dict(layer.settings), projected_usd=layer.projected_usd,
        now_usd=None, measured=found.words or _rule(layer.name, has), says=verdict.says,
        why=verdict.why, requests=len(rows), quantities=found.rows,
        agreement=[line.agreement for line in lines], more_needed=verdict.more_needed,
    )  # fmt: skip


def _asked(layer: PolicyLayer, judges: Grounds) -> Asked:
    rows = rows_for(layer.name, judges.measured.rows).found
    pairs = pairs_for(layer.name, judges.pairs.compared).found
    return Asked(layer, rows, judges.unchanged, pairs, judges.known)


def _unmeasured(layer: PolicyLayer, rows: Sequence[Row], has: Grounds) -> Says:
    """Why no answer tells of it: the plan's own word, the origin's, or that nothing came back."""
    planned = has.plan.not_measured.get(layer.name, "")
    sent = SAME_REQUEST if bare(layer.name) in _RULES else NO_RISK
    why = planned or has.measured.reason or (sent if rows else NO_ANSWER)
    return Says(NOT_MEASURED, why)


def _rule(name: str, has: Grounds) -> str:
    """What stands in the measured column where a rule decides; empty: nothing does."""
    planned = has.plan.not_measured.get(name, "")
    return _RULES.get(bare(name), "price rule" if "price rule" in planned else "")
