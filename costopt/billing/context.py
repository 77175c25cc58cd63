"""What findings, checks and report sections read: the trace, its bill, and where the money went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costopt.model.bill import Bill
from costopt.model.ports import Texts, TokenCounter
from costopt.model.probe import Tried
from costopt.model.trace import Trace
from costopt.money import PicoUsd
from costopt.prices.contract import PriceBook

if TYPE_CHECKING:
    from costopt.billing.prompt_cache.model import CacheModel


@dataclass(frozen=True)
class Attribution:
    """The bill laid over the segments of every call; the parts sum to the whole in exact integers.

    Per call: sum of its request uses + hidden + its response uses + reasoning + other + fee
    = `Bill.net_pusd`. Cached input fills a request from its front, then writes, then fresh.
    """

    use_tokens: NDArray[
        np.int64
    ]  # [request use]: scaled so that a call's uses + hidden = its input
    use_cached_tokens: NDArray[np.int64]  # [request use]: of these, read from the provider's cache
    use_pusd: NDArray[np.int64]  # [request use]
    use_resent: NDArray[np.bool_]  # [request use]: stood in an earlier call of the session
    hidden_tokens: NDArray[np.int64]  # [call]: reported input that no visible segment explains
    hidden_cached_tokens: NDArray[np.int64]  # [call]
    hidden_pusd: NDArray[np.int64]  # [call]
    out_tokens: NDArray[np.int64]  # [response use]: scaled to the call's reported visible output
    out_pusd: NDArray[np.int64]  # [response use]
    out_other_pusd: NDArray[np.int64]  # [call]: output that no visible segment explains
    reasoning_pusd: NDArray[np.int64]  # [call]
    fee_pusd: NDArray[np.int64]  # [call]
    exact: bool
    """True: segment counts come from the models' own tokenizers; else from a calibrated estimate."""


@dataclass(frozen=True)
class CacheShare:
    """Recorded, ideal and modelled share of input read from the provider's prompt cache."""

    provider: str
    model: str
    recorded_share: float | None
    ideal_share: float | None
    modelled_share: float | None
    heldout_residual_pp: float | None
    """Modelled minus recorded on sessions left out of the fit, percentage points."""


@dataclass(frozen=True)
class PromptCacheReport:
    """What the provider's prompt cache did and could have done; see `billing/prompt_cache`."""

    recorded_share: float | None
    ideal_share: float | None
    modelled_share: float | None
    residual_pp: float | None
    by_model: tuple[CacheShare, ...]
    ideal_block_share: float | None
    shared_prefix_tokens: NDArray[np.int64]  # [call]: longest prefix shared with an earlier request
    break_use: NDArray[np.int64]
    """[call]: index into `request.ids` of the first use that differs from the session's previous
    call although more shared text follows or was expected; -1: no break."""
    model: CacheModel | None = field(default=None, compare=False, repr=False)
    """What the shares come from, for checks that ask it about an edited trace; it is costly to make."""


@dataclass(frozen=True)
class AuditContext:
    """Handed to every finding and check. Pure: nothing here reads or writes a file."""

    trace: Trace
    bill: Bill
    attribution: Attribution
    cache: PromptCacheReport
    prices: PriceBook
    tokens: TokenCounter
    texts: Texts
    counted: Trace | None = None
    """The same rows with usage counted from text on calls that report none and so are not in the
    bill; None: there are none, or no call reports usage and `trace` itself is counted."""
    tried: Tried = field(default_factory=Tried)
    """The usual advice as layers, each alone; empty until the findings are known."""

    @property
    def total_pusd(self) -> PicoUsd:
        return self.bill.total_pusd
