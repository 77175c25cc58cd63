"""A bill: every call priced, leaf by leaf, in integer pico-dollars."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from costopt.model.leaf import INPUT
from costopt.money import PicoUsd, exact_sum


class PriceStatus(IntEnum):
    """Why a call has its price, or has none."""

    PRICED = 0
    NO_MODEL = 1
    """The model is not in the price book, or its name is ambiguous."""
    NO_UNIT = 2
    """The model is known but a unit it used has no price."""
    NO_USAGE = 3
    """No token counts and no text to estimate them from."""
    NOT_CHARGED = 4
    """A failed call or one the user's own cache answered: the provider charged nothing."""
    SUBSCRIPTION = 5
    """A seat, not metered: API-equivalent stands in `equivalent_pusd`, never in the bill."""
    NO_DATE = 6
    """Given to no call: those without a time have the book's own date. The number stays taken."""


@dataclass(frozen=True, slots=True)
class OwnGpus:
    """What a self-hosted model's machines cost over the log, from the overlay's GPU-hours."""

    model: str
    calls: int
    gpus: int
    hours: str
    """Decimal text: hours paid for each GPU."""
    total_pusd: PicoUsd
    busy_pusd: PicoUsd | None
    """While at least one call ran: in the calls' fees. None: the log cannot tell, all of it is."""
    idle_pusd: PicoUsd | None
    """Beside the bill: no call caused it. None: the log cannot tell."""


@dataclass(frozen=True)
class Bill:
    """A view priced by the price book. `leaf_pusd` rows + `fee_pusd` sum to `list_pusd`."""

    leaf_pusd: NDArray[np.int64]  # [call, leaf] at list price
    fee_pusd: NDArray[np.int64]  # [call]: hosted search and other charges per use, extra models
    list_pusd: NDArray[np.int64]  # [call]
    discount_pusd: NDArray[np.int64]  # [call]: list minus net, from the overlay's discounts
    status: NDArray[np.int8]  # [call], PriceStatus
    rate_row: NDArray[np.int32]  # [call], into `sources`; -1: not priced
    sources: tuple[str, ...]  # per rate row: which book, model id, tier, date range
    reasons: tuple[str, ...] = ()  # per call index in `reason_code`
    reason_code: NDArray[np.int32] | None = None  # [call], into `reasons`; -1: none
    equivalent_pusd: NDArray[np.int64] | None = None  # [call]: API-equivalent of subscriptions
    own_gpus: tuple[OwnGpus, ...] = ()

    @property
    def net_pusd(self) -> NDArray[np.int64]:  # [call]: what was paid
        return self.list_pusd - self.discount_pusd

    @property
    def priced(self) -> NDArray[np.bool_]:  # [call]: its dollars are known (a known 0 included)
        status = self.status
        return (status == PriceStatus.PRICED) | (status == PriceStatus.NOT_CHARGED)

    @property
    def unknown(self) -> NDArray[np.bool_]:  # [call]: no price or no usage; a seat is neither
        return ~self.priced & (self.status != PriceStatus.SUBSCRIPTION)

    @property
    def total_pusd(self) -> PicoUsd:
        return exact_sum(self.net_pusd)

    @property
    def input_pusd(self) -> NDArray[np.int64]:  # [call], at list price
        return self.leaf_pusd[:, INPUT].sum(axis=1)
