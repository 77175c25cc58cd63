"""What a layer says of itself once a replay has measured it: its risk, its lengths, and on what they stand.

The risk is the excess disagreement: answers that differ from the reference, less those that differ when the
same request is asked twice. Where its upper end is within the layer's own limit the saving is verified.
Where it is significantly above none and not within the limit, it is not, whatever the log said. In between
the answers are too few to say either, and what the log showed still stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

from costopt.engine.matched import Evidence, Ratio, different
from costopt.layers.base import Layer
from costopt.layers.parts.interval import clopper_pearson, wilson
from costopt.model.effect import LayerReport, Risk
from costopt.model.evidence import Entry, excess, runs_of

if TYPE_CHECKING:
    from costopt.engine.outcome import Outcome

METRIC = "excess_disagreement"
DEFAULT_LIMIT = 0.02
"""Of layers without a limit of their own: the default of those that have one."""
RISK = "risk"
BESIDE = (
    "truncated", "price_multiplier", "turnaround_s", "ttft_ms", "tpot_ms", "tokens_per_s",
)  # fmt: skip
"""What a replay measures that moves no dollars of the projection."""
_SHOWN = (
    "test", "tests", "alone", "replayed_answers", "answers_differ", "cached_answers", "cached_differ",
    "noise_answers", "noise_differ", "sessions", "output_ratio", "output_ratio_ci95", "outputs",
    "reasoning_ratio", "input_ratio", "input_ratio_ci95", "truncated_of", "moves", *BESIDE,
)  # fmt: skip
_TESTS = {
    "same_action": "same tools and arguments", "json_equal": "equal JSON", "exact": "equal text",
    "similarity": "by similarity", "judge": "by a judge",
}  # fmt: skip
_ONE_CALL = (
    "Each call was replayed from its logged context: what an agent does after another answer is not "
    "measured."
)


def report_of(layer: Layer, found: Outcome) -> LayerReport:
    """What the layer says of its effect, with what replays measured of it."""
    said = layer.report(found.tally, found.detail)
    if found.evidence is None:
        return said
    return with_evidence(layer, said, found.evidence)


def with_evidence(layer: Layer, said: LayerReport, known: Evidence) -> LayerReport:
    """`said`: from the log. The same where nothing was measured at the layer's settings."""
    entry = known.of(layer, said.settings)
    if not entry:
        other = known.of_other_settings(layer)
        more = (_other_settings(layer, said, other),) if other else ()
        return replace(said, notes=(*said.notes, *more))
    return _Measured(layer, said, entry, known).report()


@dataclass(frozen=True)
class _Measured:
    """One layer with its evidence."""

    layer: Layer
    said: LayerReport
    entry: Entry
    known: Evidence

    def report(self) -> LayerReport:
        """Risk, proof, evidence, and what need not be assumed any more."""
        said, risk = self.said, self._risk()
        verified, bound = (said.verified, said.bound) if risk is None else self._proof(risk)
        names = self._names(risk)
        own = said.risk
        if risk is None and self._reads_moves:
            own = replace(own, basis=f"measured by {replay_words(self.entry)}: {own.basis}")
        return replace(
            said, risk=risk or own, verified=verified, bound=bound,
            basis="measured" if RISK in names else said.basis,
            evidence={**said.evidence, "replay": self._evidence(risk)},
            assumptions=tuple(self._assumptions(risk)),
            notes=(*said.notes, *self._notes(risk, verified)), measured=tuple(names),
            measured_run=max(runs_of(self.entry), default=None) if names else None,
        )  # fmt: skip

    def _risk(self) -> Risk | None:
        """None: the layer's own stands; it has read its own measurement, or answers are no risk of it."""
        found = excess(self.entry)
        if found is None or self._reads_moves or not getattr(self.layer, "risks_answers", True):
            return None
        value, *_ = found
        low, high = self._ends()
        ends = _share(min(low, value)), _share(max(high, value))
        return Risk(METRIC, _share(value), ends, self._words())

    def _ends(self) -> tuple[float, float]:
        """Of the excess, as the replay gave it (sessions as clusters), else from the counts."""
        ends = self.entry.get("ci95")
        if ends:
            return float(ends[0]), float(ends[1])
        found = excess(self.entry)
        return (0.0, 1.0) if found is None else excess_ends(*found[1:])

    def _proof(self, risk: Risk) -> tuple[bool, float | None]:
        """(verified, upper end that limits are held against where it is the log's)."""
        low, high = risk.ci95 or (0.0, 1.0)
        before = self.said
        if high <= self.limit and (self.speaks or before.verified):
            return True, None
        if self._ends()[0] > 0 or not before.verified:
            return False, None
        ends = before.risk.ci95
        return True, ends[1] if ends is not None else before.risk.value or 0.0

    def _words(self) -> str:
        """`measured by replay 12 (2026-11-25): 3 of 50 answers differ (...), 1 of 40 asked twice`."""
        _, n, k, n0, k0 = excess(self.entry) or (0.0, 0, 0, 0, 0)
        what = "cached answers differ from the model's own" if self._cached else "answers differ"
        kinds = [
            _TESTS[k] for k in (*self.entry.get("tests", ()), self.entry.get("test")) if k in _TESTS
        ]
        test = ", ".join(dict.fromkeys(kinds))
        floor = f"{k0:,} of {n0:,} when the same is asked twice" if n0 else "no noise floor"
        who = "" if self.speaks else f", of {self.entry.get('model')} in place of the logged models"
        who += "" if self.entry.get("alone", True) else ", under other layers' changes too"
        by = f"measured by {replay_words(self.entry)}"
        return f"{by}: {k:,} of {n:,} {what}{f' ({test})' if test else ''}, {floor}{who}"

    def _names(self, risk: Risk | None) -> list[str]:
        """The numbers of the projection that are measured."""
        out = [RISK] if risk is not None or self._reads_moves else []
        if self.speaks:
            own = getattr(self.layer, "APPLIES", ())
            rows = (self.entry, *self.entry.get("moves", {}).values())
            used = self.said.basis == "measured" or "moves" in self.entry
            lengths = [n for n in self._ratios if n != "reasoning_ratio" and n not in own]
            lengths += [n for n in own if used and any(r.get(n) is not None for r in rows)]
            out += dict.fromkeys(lengths)
        return [*out, *(n for n in BESIDE if self.entry.get(n) is not None)]

    def _evidence(self, risk: Risk | None) -> dict[str, Any]:
        entry, said = self.entry, self.said.risk
        out: dict[str, Any] = {
            "runs": runs_of(entry), "at": entry.get("at", ""), "model": entry.get("model", ""),
            "stand_in": not self.speaks, **{k: entry[k] for k in _SHOWN if k in entry},
        }  # fmt: skip
        if risk is not None:
            value, *_ = excess(entry) or (None,)
            out |= {"excess": value, "excess_ci95": list(self._ends()), "limit": self.limit}
            out["from_log"] = {
                "metric": said.metric, "value": said.value, "ci95": said.ci95, "basis": said.basis,
                "verified": self.said.verified,
            }  # fmt: skip
        return out

    def _assumptions(self, risk: Risk | None) -> Iterator[str]:
        """Sentences that the replay answers go; what it takes for granted itself comes."""
        replayed = getattr(self.layer, "REPLAYED", ())
        for sentence in self.said.assumptions:
            if risk is None or not self.speaks or sentence not in replayed:
                yield sentence
        if risk is not None and self.speaks and not self._cached:
            yield _ONE_CALL
        if risk is not None and not self.speaks:
            yield (
                f"The logged models are taken to answer as {self.entry.get('model')} did in the replay; "
                "that alone verifies nothing, and its lengths only widen the interval."
            )

    def _notes(self, risk: Risk | None, verified: bool) -> Iterator[str]:
        if risk is not None and self.said.verified:
            n, at = (excess(self.entry) or (0.0, 0))[1], f"{100 * self.limit:.3g} %"
            if not verified:
                yield f"The replay speaks against it: more answers differ than by chance, above {at}."
            elif risk.ci95 is not None and risk.ci95[1] > self.limit:
                yield (
                    f"The replay's {n:,} answers are too few to hold it against {at}: that it is verified "
                    f"still rests on the log ({self.said.risk.basis})."
                )
        for name, ratio in self._ratios.items():
            if (
                self.speaks
                and name in self._names(risk)
                and name not in getattr(self.layer, "APPLIES", ())
            ):
                yield _ratio_words(name, ratio, self.entry)

    @property
    def limit(self) -> float:
        """The layer's own; else that of the others."""
        name = getattr(self.layer, "LIMIT", "")
        return float(getattr(self.layer, name)) if name else DEFAULT_LIMIT

    @property
    def speaks(self) -> bool:
        return self.known.speaks(self.layer, self.entry)

    @property
    def _ratios(self) -> Mapping[str, Ratio]:
        return self.known.ratios(self.layer, self.entry)

    @property
    def _cached(self) -> bool:
        return bool(self.entry.get("cached_answers"))

    @property
    def _reads_moves(self) -> bool:
        """A router has taken the measured quality of its moves."""
        return "moves" in self.entry and self.said.basis == "measured" and self.speaks


def excess_ends(n: int, k: int, n0: int, k0: int) -> tuple[float, float]:
    """95 % interval of k/n - k0/n0, answers as independent trials: Newcombe's hybrid of two score
    intervals (1998, method 10). Without a noise floor: the exact interval of k/n."""
    if not n0:
        low, high = clopper_pearson(k, n)
        return float(low), float(high)
    (low, high), (low0, high0) = wilson(k, n), wilson(k0, n0)
    share, share0 = k / n, k0 / n0
    below = sqrt((share - float(low)) ** 2 + (float(high0) - share0) ** 2)
    above = sqrt((float(high) - share) ** 2 + (share0 - float(low0)) ** 2)
    return share - share0 - below, share - share0 + above


def replay_words(entry: Entry) -> str:
    """`replay 12 (2026-11-25)`, `replays 3 and 12 (2026-11-25)`."""
    runs = [str(r) for r in runs_of(entry)]
    day = f" ({str(entry['at'])[:10]})" if entry.get("at") else ""
    if len(runs) < 2:
        return f"replay {runs[0]}{day}" if runs else f"a replay{day}"
    return f"replays {', '.join(runs[:-1])} and {runs[-1]}{day}"


def _ratio_words(name: str, ratio: Ratio, entry: Entry) -> str:
    what = {
        "output_ratio": "Answers have {0} times the tokens behind it",
        "input_ratio": "Requests that it changes have {0} times the projected input",
    }.get(name)
    number = f"{ratio.value:.3g} ({ratio.low:.3g} to {ratio.high:.3g})"
    said = what.format(number) if what else f"{name.replace('_', ' ').capitalize()}: {number}"
    return f"{said}, measured by {replay_words(entry)} and counted in its dollars."


def _other_settings(layer: Layer, said: LayerReport, entry: Entry) -> str:
    names = ", ".join(different(layer, entry, said.settings)) if "settings" in entry else ""
    words = replay_words(entry)
    return f"{words[0].upper()}{words[1:]} measured it at other settings ({names}): nothing of it is used."


def _share(value: float) -> float:
    """A risk is a share: below the noise floor there is none."""
    return min(1.0, max(0.0, value))
