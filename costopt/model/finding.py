"""What the audit says beside the bill: findings (money) and checks (the ten-item checklist)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.money import PicoUsd


@dataclass(frozen=True)
class Finding:
    """One kind of waste at one place (an agent, a tool, a model), in dollars, with its proof."""

    name: str
    """The file's name in `findings/`: `costopt explain NAME` is its page."""
    title: str
    """One line with the place in it: `planner: clock in system prompt breaks the cache`."""
    usd: PicoUsd
    """What the fix would have saved, at the prices paid (after the provider's own cache)."""
    calls: NDArray[np.int64]
    """Rows that prove it, dearest first."""
    fix: str
    """One imperative sentence."""
    layer: str | None = None
    """The layer that would fix it, where one does."""
    already_saved: PicoUsd = PicoUsd(0)
    """Part of the waste that the provider's cache has saved already; not in `usd`."""
    estimated: bool = False
    """The dollars rest on an assumption named in `evidence["basis"]` (a hint, not a measure)."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """Numbers and short texts behind it; JSON values only."""


class CheckStatus(StrEnum):
    """`harmful`: following the advice would raise this bill."""

    PASS = "pass"
    FAIL = "fail"
    HARMFUL = "harmful"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class CheckResult:
    """One item of the checklist, tested on this trace."""

    id: int
    name: str
    title: str
    status: CheckStatus
    value: str
    target: str
    evidence: str
    fix: str
    usd: PicoUsd | None = None
    """What passing would save (negative: cost); None: not known."""
    usd_basis: str = ""
    """How the dollars came about: `from_log`, `estimate: ...`, or the layer that measured them."""
