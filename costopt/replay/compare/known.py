"""What the comparison is told beside plan and run: prices, the log's own counts, the policy's layers.

All of it is optional. What is not told is not measured, and the result says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from costopt.model.exchange import Block
from costopt.replay.items import Item

Reference = Callable[[int], tuple[Block, ...] | None]
"""Row of the trace to the log's own answer; None: the log has none."""
Price = Callable[[Item, Sequence[int]], int]
"""Pico-dollars of these leaves at the projection's price of the item's `logged_model`, and at the tier
that `item.request.service_tier` names."""

ExtraPrice = Callable[[Item, Sequence[tuple[str, Sequence[int]]]], int | None]
"""Pico-dollars of tokens that an answer says other models were charged for; None: one has no price."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One call as the log has it."""

    leaves: tuple[int, ...]
    """[leaf] tokens as recorded."""
    model: str
    """As the route layer names it in its moves."""
    cut: bool = False
    """It ended because its limit was reached."""


@dataclass(frozen=True, slots=True)
class PolicyLayer:
    """One layer of the policy, as the projection has it."""

    name: str
    """A second one of the same class is `name#2`, as the plan calls it."""
    settings: dict[str, Any] = field(default_factory=dict)
    projected_usd: float = 0.0
    risk: float | None = None
    """The layer's own estimate of its risk, a share (`false_hit_rate`); None: it has none."""


@dataclass(frozen=True)
class Known:
    """See the module."""

    price: Price | None = None
    extra_price: ExtraPrice | None = None
    logged: Callable[[int], Logged | None] | None = None
    """By row of the trace."""
    cached: Callable[[Item], tuple[Block, ...] | None] | None = None
    """The answer that the policy's cache would have given to this item's call, for items that do not say
    themselves which row it is of (`Item.served_from`); None: not in the log."""
    layers: Sequence[PolicyLayer] = ()
    """In policy order; empty: those that the plan names."""
    sent_at_us: Mapping[str, int] = field(default_factory=dict)
    """Item id to when it was sent, UTC microseconds; empty: not told."""
    at: str = ""
    """Date of the run, for the evidence."""
    tolerance_pp: float = 10.0
    """A layer is kept where the upper end of its excess disagreement is not above this."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further facts for the evidence's `*` (endpoint's name). `cold`: no request was to find another's prefix
    warm, so cached reads say nothing of the cache model."""

    def of(self, row: int) -> Logged | None:
        """The call as the log has it, where that was told."""
        return None if self.logged is None else self.logged(row)
