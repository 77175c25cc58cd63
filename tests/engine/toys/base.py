"""What toy layers have in common: a report without risk unless they say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from costopt.layers.base import Partition
from costopt.model.effect import LayerReport, Risk
from costopt.model.view import Column


@dataclass(frozen=True)
class Toy:
    """No layer by itself."""

    partition: ClassVar[Partition] = Partition.ROWS
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset()
    NEUTRAL: ClassVar[Mapping[str, Any]] = {}

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        return LayerReport(dict(tally), Risk("none", 0.0, None, "same words"), True, "rule")

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        return {}
