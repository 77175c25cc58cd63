"""What replayed answers prove of a layer: how many change, and whether that is within its limit.

An answer that differs by chance anyway can show no change, so the limit is held against the upper end of the
excess over the share that could show one (Abbott 1925, https://doi.org/10.1093/jee/18.2.265a, checked
2026-11-25). Within the limit the saving is verified. Where the excess is significantly above none and not
within it, it is not, whatever the log said. In between the answers are too few to say either, and what the
log showed still stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from costopt.layers.base import Layer
from costopt.layers.parts.interval import clopper_pearson, wilson
from costopt.model.effect import LayerReport, Risk
from costopt.model.evidence import Entry, excess

METRIC = "excess_disagreement"
DEFAULT_LIMIT = 0.02
"""Of layers without a limit of their own: the default of those that have one."""
_TINY = 1e-9


@dataclass(frozen=True)
class Proof:
    """The answers of one layer's replays, of which there is at least one."""

    entry: Entry
    limit: float
    speaks: bool
    """They are the logged models' own: a stand-in's verify nothing."""
    value: float
    """Excess disagreement: answers that differ less those that differ when the same is asked twice."""
    answers: int
    differ: int
    noise_answers: int
    noise_differ: int

    @classmethod
    def of(cls, layer: Layer, entry: Entry, *, speaks: bool) -> Proof | None:
        """None: no answer was compared, or answers are no risk of the layer."""
        found = excess(entry)
        if found is None or not getattr(layer, "risks_answers", True):
            return None
        return cls(entry, limit_of(layer), speaks, *found)

    @property
    def ends(self) -> tuple[float, float]:
        """Of the excess, as the replay gave it (sessions as clusters), else from the counts."""
        told = self.entry.get("ci95")
        if told:
            return float(told[0]), float(told[1])
        return excess_ends(self.answers, self.differ, self.noise_answers, self.noise_differ)

    @property
    def chance(self) -> float:
        """Share of answers that differ when the same is asked twice: these can show no change."""
        weighed = self.entry.get("noise_rate")
        if weighed is not None:
            return float(weighed)
        return self.noise_differ / self.noise_answers if self.noise_answers else 0.0

    @property
    def most(self) -> float:
        """Upper end of the share of answers that change."""
        return _share(self.ends[1] / max(1 - self.chance, _TINY))

    @property
    def within(self) -> bool:
        return self.most <= self.limit

    @property
    def against(self) -> bool:
        """More answers differ than by chance, and by no other layer's doing."""
        alone = bool(self.entry.get("alone", True))
        return self.ends[0] > 0 and bool(self.noise_answers) and alone and not self.within

    @property
    def cached(self) -> bool:
        """What was compared are a cache's answers."""
        return bool(self.entry.get("cached_answers"))

    def risk(self, basis: str) -> Risk:
        """As a share: below the noise floor there is none."""
        low, high = self.ends
        ends = _share(min(low, self.value)), _share(max(high, self.value))
        return Risk(METRIC, _share(self.value), ends, basis)

    def verdict(self, before: LayerReport) -> tuple[bool, float | None]:
        """(verified, upper end that limits are held against where it is not the risk's own). `before`:
        what the log says."""
        if self.within and self.speaks:
            return True, self.most
        if self.against or not before.verified:
            return False, None
        ends = before.risk.ci95
        return True, ends[1] if ends is not None else before.risk.value or 0.0


def limit_of(layer: Layer) -> float:
    """The layer's own; else that of the others."""
    name = getattr(layer, "LIMIT", "")
    return float(getattr(layer, name)) if name else DEFAULT_LIMIT


def excess_ends(n: int, k: int, n0: int, k0: int) -> tuple[float, float]:
    """95 % interval of k/n - k0/n0, answers as independent trials: Newcombe's hybrid of two score
    intervals (1998, method 10, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I,
    checked 2026-11-25). Without a noise floor: the exact interval of k/n."""
    if not n0:
        low, high = clopper_pearson(k, n)
        return float(low), float(high)
    (low, high), (low0, high0) = wilson(k, n), wilson(k0, n0)
    share, share0 = k / n, k0 / n0
    below = sqrt((share - float(low)) ** 2 + (float(high0) - share0) ** 2)
    above = sqrt((float(high) - share) ** 2 + (share0 - float(low0)) ** 2)
    return share - share0 - below, share - share0 + above


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
