"""What a layer is: a frozen dataclass whose fields are its settings, and one method.

File name = layer name = its key in `policy.yaml`. The class docstring is its page (`costopt explain`),
the string under a field is that setting's documentation.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill
from costopt.model.effect import Effect, LayerReport
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook


class Partition(Enum):
    """How the calls may be split so that the parts' effects are the whole's."""

    ROWS = "rows"
    SESSION = "session"
    NAMESPACE = "namespace"
    WHOLE = "whole"


@dataclass(frozen=True)
class ArtifactSpec:
    """Something dear that is built once and shared: embeddings, a neighbour graph, a trained router.

    `kind` names the builder, `settings` what it depends on beside the bytes: no swept setting.
    """

    kind: str
    settings: tuple[tuple[str, Hashable], ...] = ()

    def get(self, name: str, default: Any = None) -> Any:
        """One of the settings."""
        return dict(self.settings).get(name, default)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Of which log the calls are a part: stretches of neighbouring sessions, with all of its traffic inside.

    What is rented for a time and not paid by use (a fleet) is sized for a stretch as it is, and charged
    for the part's share of the log's time. A log that is itself a sample says so in its `sample_rate`.
    """

    share: float = 1.0
    """Of the log's calls."""
    span_s: float | None = None
    """From the log's first to its last call; None: the part is the log."""


class Artifacts(Protocol):
    """Handed to every layer: counts, texts and bills of a view, and what was built for it."""

    @property
    def drawn(self) -> Drawn:
        """What part of the log the view's calls are."""
        ...

    def tokens(self, view: View) -> TokenCounter:
        """Counts of all segments of the view, made ones included."""
        ...

    def texts(self, view: View) -> Texts:
        """Texts of all segments of the view; None where the log kept none."""
        ...

    def hidden(self, view: View) -> NDArray[np.int64]:  # [call]
        """Tokens of the prompt that the provider saw and the log does not show: no edit changes them."""
        ...

    def bill(self, view: View) -> Bill:
        """The view through the prompt cache and the meter, at the projection's prices."""
        ...

    def leaves(self, view: View) -> NDArray[np.int64]:  # [call, leaf]
        """The view's tokens as that bill has them: what the prompt cache would serve is decided."""
        ...

    def build(self, spec: ArtifactSpec, view: View) -> Any:
        """Built by content: the same bytes and settings give the same object. MissingExtra, InputError."""
        ...

    def column(self, view: View, part: str) -> Any:
        """A `Categorical` of the trace by the part it plays in the policy's `fields:` (agent, task, ...)."""
        ...

    def measured(self, layer: str) -> Mapping[str, Any]:
        """What replays have measured of a layer on this log; empty: nothing."""
        ...


class Layer(Protocol):
    """One optimization. Pure: the same view gives the same effect, and the view is not changed."""

    partition: ClassVar[Partition]
    needs: ClassVar[tuple[str, ...]]
    """Kinds of artifacts that it asks for."""
    touches: ClassVar[frozenset[Column]]
    """The columns that its effect may edit. Input totals follow from REQUEST by themselves."""
    NEUTRAL: ClassVar[Mapping[str, Any]]
    """Settings under which the effect is empty on every trace."""

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """What it would change in this view."""
        ...

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Evidence, risk and assumptions from the summed tallies."""
        ...

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """Settings that stand for an unmeasured ratio: name to its lower and upper value."""
        ...


def partition_of(layer: Layer) -> Partition:
    """What its settings need, where a layer has a `splits_by` that tells; else what its class says."""
    found: Partition = getattr(layer, "splits_by", layer.partition)
    return found
