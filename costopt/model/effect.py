"""What a layer proposes: edits of a view, what the policy itself costs, and what is at risk.

A layer never returns dollars: overhead is tokens of named models and fees per use, and billing prices
them. Numbers behind the evidence are additive tallies, so that parts of a trace sum to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from costopt.model.view import Column

Basis = Literal["measured", "from_log", "rule", "assumed"]


@dataclass(frozen=True)
class Charge:
    """Calls that the policy makes beside the agent's own: embeddings, a classifier, a summariser."""

    what: str
    provider: str
    model: str
    rows: NDArray[np.int64]  # [charge]: the call that caused it
    leaves: NDArray[np.int64]  # [charge, leaf]: tokens of that model


@dataclass(frozen=True)
class Fee:
    """What a use costs beside tokens: a vector-store query, compute by the second."""

    what: str
    rows: NDArray[np.int64]  # [fee]: the call that caused it
    pusd: NDArray[np.int64]  # [fee]: pico-dollars, from a setting of the layer
    source: str
    """Where the price of a use comes from."""


@dataclass(frozen=True)
class Effect:
    """Edits by column (absent: untouched), overhead, rows, and additive tallies."""

    columns: Mapping[Column, Any] = field(default_factory=dict)
    touched: NDArray[np.bool_] | None = None  # [call]: what the layer changed; None: nothing
    at_risk: NDArray[np.bool_] | None = None  # [call]: the answer may be another one
    charges: tuple[Charge, ...] = ()
    fees: tuple[Fee, ...] = ()
    tally: Mapping[str, int] = field(default_factory=dict)
    """Counts that add up over parts of a trace: all that `Layer.report` may read of the calls."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Of layers that see the whole trace: what is no sum (a chosen threshold, a curve)."""

    served_from: NDArray[np.int64] | None = None
    """[call]: row whose answer a cache gives to the call, -1: none does; None: the layer is no cache."""

    @property
    def is_empty(self) -> bool:
        """No edit and no cost: the view stays as it is, to the object."""
        return not self.columns and not self.charges and not self.fees


@dataclass(frozen=True)
class Risk:
    """The share of answers that may differ or suffer, as the layer's own metric."""

    metric: str
    """For example `reach_back_rate`, `false_hit_rate`, `none`."""
    value: float | None
    ci95: tuple[float, float] | None
    basis: str
    """What it was measured on, in words; `unverified` where it was not."""


@dataclass(frozen=True)
class LayerReport:
    """What a layer says of itself once its tallies are summed."""

    evidence: dict[str, Any]
    risk: Risk
    verified: bool
    """The risk is measured, or there is none by construction."""
    basis: Basis
    assumptions: tuple[str, ...] = ()
    """Whole sentences."""
    replay: str = ""
    """What a replay could measure of it; empty: nothing."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings that the layer chose itself (`threshold: auto`), by name."""
    notes: tuple[str, ...] = ()
    """What a reader should do or know: which setting to turn, why it did nothing."""
    measured: tuple[str, ...] = ()
    """Numbers of it that replays measured (`risk`, `output_ratio`, ...); the engine fills it in."""
    measured_run: int | None = None
    """The last of those replays; None: nothing was measured."""
    bound: float | None = None
    """Upper end of the risk that limits are held against, where it is not the risk's own: the log's, as
    long as a replay has too few answers to say otherwise."""
