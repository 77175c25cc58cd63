"""A run against its plan: what was predicted, what was measured, what the answers did, what it teaches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from costopt.model.exchange import Origin
from costopt.model.replayed import Agreement, Compared, Disagreement, ReplayedLayer
from costopt.replay.compare.agreement import all_tests
from costopt.replay.compare.agreement.judge import Judged
from costopt.replay.compare.agreement.similarity import Similar, Similarity
from costopt.replay.compare.agreement.table import noise_table
from costopt.replay.compare.evidence import evidence_of
from costopt.replay.compare.known import Known, Reference
from costopt.replay.compare.layers import Grounds, replayed_layers
from costopt.replay.compare.measured import Measured, measured_rows
from costopt.replay.compare.pairs import Pairs, pairs_of
from costopt.replay.compare.totals import compare_totals
from costopt.replay.compare.worst import worst_of
from costopt.replay.executed import Executed
from costopt.replay.items import Half, Plan


@dataclass(frozen=True)
class Comparison:
    """Everything that a replay found, as the result shows it."""

    compared: list[Compared]
    noise: list[Agreement]
    layers: list[ReplayedLayer]
    worst: list[Disagreement]
    evidence: dict[str, Any]
    """From the writing half; empty: nothing was measured."""
    notes: list[str]
    origin: Origin = Origin.ENDPOINT
    """As found: a server whose counts do not follow its requests is a mock, whatever it says."""
    refused: str = ""
    """Why nothing is measured; empty: something is."""
    halves: dict[str, int] = field(default_factory=dict)
    """Answered requests of each half."""


def compare(
    plan: Plan, executed: Executed, reference: Reference, *, origin: Origin,
    similarity: Similarity | None = None, judged: Judged | None = None, known: Known | None = None,
) -> Comparison:  # fmt: skip
    """`origin`: the endpoint's own word; answers that it did not write itself measure nothing."""
    known = known or Known()
    measured = measured_rows(plan, executed, origin)
    pairs = pairs_of(measured, reference, known)
    tests = all_tests(similarity, judged)
    has = Grounds(plan, measured, pairs, tests, known)
    similar = next((t for t in tests if isinstance(t, Similar)), None)
    judges = pairs.half(Half.JUDGES)
    return Comparison(
        compared=compare_totals(plan, measured, known), noise=noise_table(tests, judges.noise),
        layers=replayed_layers(has), worst=worst_of(pairs.compared, similar),
        evidence=evidence_of(has, executed.run), notes=_notes(measured, pairs, judged),
        origin=measured.origin, refused=measured.reason,
        halves={h.value: sum(r.item.half == h for r in measured.rows) for h in Half},
    )  # fmt: skip


def _notes(measured: Measured, pairs: Pairs, judged: Judged | None) -> list[str]:
    """What stands in no figure, and why."""
    found = [measured.reason] if measured.reason else []
    found += [
        f"{n:,} planned requests are in no figure: {why}." for why, n in measured.unanswered.items()
    ]
    if measured.rows:
        found += [f"{n:,} answers stand beside none: {why}." for why, n in pairs.missing.items()]
        without = sum(row.leaves is None for row in measured.rows)
        if without:
            found.append(f"{without:,} answers came without usage: their tokens are not measured.")
        if not pairs.noise:
            found.append("No unchanged request was compared: no noise floor was measured.")
    if judged is not None:
        found += [judged.in_words(), *judged.notes]
    return found
