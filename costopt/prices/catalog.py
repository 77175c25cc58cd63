"""The book's rows, found by id: strict rules per provider, cached."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from costopt.prices import match
from costopt.prices.names import spellings, undated
from costopt.prices.own_models import other_names, own_models


@dataclass(frozen=True, slots=True)
class Row:
    """One model of one provider in the book."""

    provider: str
    model: str
    info: Any = field(compare=False)
    """genai-prices' ModelInfo."""


@dataclass(frozen=True, slots=True)
class Several:
    """The id fits several rows with different prices."""

    candidates: tuple[str, ...]


@cache
def catalog() -> dict[str, Shelf]:
    """All providers of the installed genai-prices by id. Loads its data: 0.2 s, once."""
    from genai_prices.data import providers

    return {p.id: Shelf(p) for p in providers}


class Shelf:
    """The rows of one provider."""

    def __init__(self, provider: Any) -> None:
        self.id: str = provider.id
        self.urls: tuple[str, ...] = tuple(provider.pricing_urls or ())
        self._models: list[Any] = [*provider.models, *own_models(provider.id)]
        self._patterns = [m for m in self._models if match.has_pattern(m.match)]
        self._listed: dict[str, Any] | None = None
        self._found: dict[str, Row | Several | None] = {}

    @property
    def listed(self) -> dict[str, Any]:
        """Every id written out in a rule, and the rows' own ids. Rules that list an id win."""
        if self._listed is None:
            self._listed = {m.id.lower(): m for m in reversed(self._models)}
            for model in reversed(self._models):
                self._listed.update(dict.fromkeys(match.literals(model.match), model))
            for name, row in other_names(self.id).items():
                self._listed.setdefault(name, self._listed[row])
        return self._listed

    def find(self, name: str) -> Row | Several | None:
        """The row that this id (in any spelling) names; a date is dropped only as a last step."""
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Row | Several | None:
        for spelled in spellings(name):
            found = self._exact(spelled)
            if found is not None:
                return found
        for spelled in spellings(name):
            shorter = undated(spelled)
            found = self._exact(shorter) if shorter else None
            if isinstance(found, Row):
                return self._unless_snapshots_differ(shorter or "", found)
        return None

    def _exact(self, name: str) -> Row | Several | None:
        if name in self.listed:
            model = self.listed[name]
            return Row(self.id, model.id, model)
        # Rules that only list ids have been looked up in `listed`.
        scored = [(match.score(m.match, name), m) for m in self._patterns]
        best = max((s for s, _ in scored), default=0)
        hits = [m for s, m in scored if s == best and s]
        if len(hits) > 1 and any(m.prices != hits[0].prices for m in hits):
            return Several(tuple(f"{self.id}/{m.id}" for m in hits))
        return Row(self.id, hits[0].id, hits[0]) if hits else None

    def _unless_snapshots_differ(self, alias: str, found: Row) -> Row | Several:
        """An unlisted snapshot has its alias's price only where no listed snapshot has another."""
        others = {m.id: m for n, m in self.listed.items() if undated(n) == alias}
        others[found.model] = found.info
        if any(m.prices != found.info.prices for m in others.values()):
            return Several(tuple(f"{self.id}/{m}" for m in sorted(others)))
        return found

    def names(self) -> list[str]:
        """Ids for suggestions."""
        return [m.id for m in self._models]
