"""What layers are handed: counts, texts and bills of a view, and artifacts through their builder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.billing.view_tokens import tokens_of
from costopt.layers.base import ArtifactSpec, Drawn
from costopt.model.bill import Bill
from costopt.model.made import MadeTexts
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import Categorical
from costopt.model.view import View


class Builder(Protocol):
    """Builds artifacts; memoised by the content that they depend on."""

    def build(self, spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> Any: ...


class NoBuilder:
    """Where no layer needs an artifact."""

    def build(self, spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> Any:
        raise LookupError(f"no builder for {spec.kind}")


@dataclass(frozen=True)
class Handed:
    """The `Artifacts` of one evaluator."""

    counter: TokenCounter
    store: Texts
    billed: Callable[[View], Bill]
    builder: Builder = field(default_factory=NoBuilder)
    fields: Mapping[str, str] = field(default_factory=dict)
    """The policy's `fields:`: part to column (`agent`, `metadata.flow`)."""
    evidence: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Layer to what replays measured of it."""
    prompt: NDArray[np.int64] | None = None
    """[call]: tokens before the visible segments; None: none."""
    rebilled: Callable[[View], NDArray[np.int64]] | None = None
    """A view's leaves behind the prompt cache; None: as they stand."""
    own: tuple[str, Mapping[str, Any]] = ("", MappingProxyType({}))
    """(the layer that is asked, what replays measured of it at its settings)."""
    drawn: Drawn = Drawn()

    def tokens(self, view: View) -> TokenCounter:
        return tokens_of(view, self.counter)

    def texts(self, view: View) -> Texts:
        return MadeTexts(self.store, view.made) if len(view.made) else self.store

    def hidden(self, view: View) -> NDArray[np.int64]:  # [call]
        return np.zeros(view.trace.n, np.int64) if self.prompt is None else self.prompt

    def bill(self, view: View) -> Bill:
        return self.billed(view)

    def leaves(self, view: View) -> NDArray[np.int64]:  # [call, leaf]
        return view.leaves if self.rebilled is None else self.rebilled(view)

    def build(self, spec: ArtifactSpec, view: View) -> Any:
        return self.builder.build(spec, view, self.tokens(view), self.texts(view))

    def column(self, view: View, part: str) -> Categorical:
        """By `fields:`, else the column of that name; the model is the view's own. KeyError."""
        name = self.fields.get(part, part)
        edited = {"provider": view.provider, "model": view.model, "service_tier": view.service_tier}
        if name in edited:
            return edited[name]
        if name in ("session", "session_id"):
            return Categorical(view.trace.session, view.trace.sessions)
        return view.trace.dim(name)

    def measured(self, layer: str) -> Mapping[str, Any]:
        name, found = self.own
        return found if layer == name else self.evidence.get(layer, {})
