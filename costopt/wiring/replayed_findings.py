"""Findings beside what replays have measured of the layer that would mend them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from costopt.engine.measured_words import answers_words
from costopt.model.evidence import Entry, entries_of
from costopt.model.result import REPLAYED, FindingItem


def with_replays(
    findings: Sequence[FindingItem], measured: Mapping[str, Mapping[str, Any]]
) -> list[FindingItem]:
    """The findings; where a replay has sent requests of a finding's layer, its evidence says what came out.

    `measured`: by layer, as the store has it. At whatever settings it was measured: a finding has none.
    """
    return [_beside(item, measured) for item in findings]


def _beside(item: FindingItem, measured: Mapping[str, Entry]) -> FindingItem:
    mine = [e for key, e in measured.items() if e and key.partition("#")[0] == item.layer]
    if item.layer is None or not mine:
        return item
    newest = max((entry for e in mine for entry in entries_of(e)), key=lambda e: str(e.get("at")))
    return replace(item, evidence={**item.evidence, REPLAYED: answers_words(newest)})
