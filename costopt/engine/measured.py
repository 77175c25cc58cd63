"""What a layer says of itself once a replay has measured it: its risk, its lengths, and on what they stand.

One place for all layers: a layer counts in the log, and its report is overridden here where evidence of its
very settings is there. Without evidence the report is the layer's own, to the object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from costopt.engine.matched import Evidence, Ratio
from costopt.engine.measured_words import (
    assumptions,
    basis_words,
    other_settings,
    proof_notes,
    ratio_notes,
    replay_words,
)
from costopt.engine.proof import Proof
from costopt.layers.base import Layer
from costopt.model.effect import LayerReport, Risk
from costopt.model.evidence import Entry, runs_of
from costopt.model.view import Column

if TYPE_CHECKING:
    from costopt.engine.outcome import Outcome

RISK = "risk"
BESIDE = (
    "truncated", "price_multiplier", "turnaround_s", "ttft_ms", "tpot_ms", "tokens_per_s",
)  # fmt: skip
"""What a replay measures that moves no dollars of the projection."""
RULES = ("price_multiplier",)
"""Of these: a price rule over measured tokens. No bill was seen, so it is shown and not called measured."""
_SHOWN = (
    "test", "tests", "alone", "replayed_answers", "answers_differ", "cached_answers", "cached_differ",
    "noise_answers", "noise_differ", "sessions", "judge", "output_ratio", "output_ratio_ci95", "outputs",
    "reasoning_ratio", "input_ratio", "input_ratio_ci95", "truncated_of", "moves", *BESIDE,
)  # fmt: skip


def report_of(layer: Layer, found: Outcome) -> LayerReport:
    """What the layer says of its effect, with what replays measured of it."""
    said = layer.report(found.tally, found.detail)
    if found.evidence is None:
        return said
    return with_evidence(layer, said, found.evidence)


def with_evidence(layer: Layer, said: LayerReport, known: Evidence) -> LayerReport:
    """`said`: from the log. The same where nothing was measured at the layer's settings."""
    entry = known.of(layer, said.settings)
    if entry:
        return _Measured(layer, said, entry, known).report()
    other = known.of_other_settings(layer)
    return replace(said, notes=(*said.notes, other_settings(layer, said, other))) if other else said


@dataclass(frozen=True)
class _Measured:
    """One layer with its evidence."""

    layer: Layer
    said: LayerReport
    entry: Entry
    known: Evidence

    def report(self) -> LayerReport:
        """Risk, proof, evidence, and what need not be assumed any more."""
        said, proof = self.said, self.proof
        verified, bound = (said.verified, said.bound) if proof is None else proof.verdict(said)
        names = self._names()
        return replace(
            said, risk=self._risk(), verified=verified, bound=bound,
            basis="measured" if RISK in names else said.basis,
            evidence={**said.evidence, "replay": self._evidence()},
            assumptions=tuple(assumptions(self.layer, said, proof)),
            notes=(*said.notes, *self._notes()), measured=tuple(names),
            measured_run=max(runs_of(self.entry), default=None) if names else None,
        )  # fmt: skip

    @cached_property
    def speaks(self) -> bool:
        return self.known.speaks(self.layer, self.entry)

    @cached_property
    def proof(self) -> Proof | None:
        """None: the layer's own risk stands."""
        if self._reads_moves:
            return None
        return Proof.of(self.layer, self.entry, speaks=self.speaks)

    def _risk(self) -> Risk:
        if self.proof is not None:
            return self.proof.risk(basis_words(self.proof))
        own = self.said.risk
        if not self._reads_moves:
            return own
        return replace(own, basis=f"measured by {replay_words(self.entry)}: {own.basis}")

    def _names(self) -> list[str]:
        """The numbers of the projection that are measured."""
        out = [RISK] if self.proof is not None or self._reads_moves else []
        if self.speaks:
            used = self.said.basis == "measured" or "moves" in self.entry
            rows = (self.entry, *self.entry.get("moves", {}).values())
            out += self._carried
            out += [n for n in self._own if used and any(r.get(n) is not None for r in rows)]
        limits = (
            Column.MAX_TOKENS in self.layer.touches
        )  # of others it is the log's own limit that cuts
        beside = [n for n in BESIDE if n not in RULES and (n != "truncated" or limits)]
        return [*out, *(n for n in beside if self.entry.get(n) is not None)]

    def _evidence(self) -> dict[str, Any]:
        """The counts, and what the log had said."""
        entry, proof, said = self.entry, self.proof, self.said.risk
        out: dict[str, Any] = {
            "runs": runs_of(entry), "at": entry.get("at", ""), "model": entry.get("model", ""),
            "stand_in": not self.speaks, **{k: entry[k] for k in _SHOWN if k in entry},
            "applied": {
                k: [r.value, r.low, r.high]
                for k, r in self.known.ratios(self.layer, entry).items()
                if k in self._own or k in self._carried
            } if self.speaks else {},
        }  # fmt: skip
        if proof is not None:
            out |= {
                "excess": proof.value, "excess_ci95": list(proof.ends), "limit": proof.limit,
                "by_chance": proof.chance, "changed_at_most": proof.most,
            }  # fmt: skip
            out["from_log"] = {
                "metric": said.metric, "value": said.value, "ci95": said.ci95, "basis": said.basis,
                "verified": self.said.verified,
            }  # fmt: skip
        return out

    def _notes(self) -> Iterator[str]:
        if self.proof is not None:
            yield from proof_notes(self.said, self.proof)
        if self.speaks:
            yield from ratio_notes(self._carried, self.entry)

    @property
    def _own(self) -> tuple[str, ...]:
        """Ratios that the layer applies itself."""
        return tuple(getattr(self.layer, "APPLIES", ()))

    @property
    def _carried(self) -> Mapping[str, Ratio]:
        """Ratios that the engine applies behind the layer: none where it edits no request (a cache, a
        batch), whose calls are sent as they were or not at all."""
        if Column.REQUEST not in self.layer.touches:
            return {}
        found = self.known.ratios(self.layer, self.entry)
        return {k: r for k, r in found.items() if k not in self._own and k != "reasoning_ratio"}

    @property
    def _reads_moves(self) -> bool:
        """A router has taken the measured quality of its moves."""
        return "moves" in self.entry and self.said.basis == "measured" and self.speaks
