"""What an attempt is charged: by the usage that the endpoint counted, at its worst where nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from costopt.model.exchange import AttemptState, Completion, Origin, Outcome, Trouble
from costopt.replay.items import Item

TIER = "batch"


class Prices(Protocol):
    """What is asked of `replay.money.Money`."""

    def cost(
        self, provider: str, model: str, leaves: Sequence[int], tier: str = "default",
        web_searches: int = 0, extra: Sequence[tuple[str, Sequence[int]]] = (),
    ) -> int | None: ...  # fmt: skip


def charged(
    item: Item, outcome: Outcome | None, money: Prices, tier: str = ""
) -> tuple[AttemptState, int]:
    """State and pico-dollars of an attempt. `outcome` None: nobody knows what became of it. `tier`: at which
    it is charged whatever the answer says (`batch`); empty: as the answer says, else as asked."""
    if isinstance(outcome, Completion):
        usd = _price(item, outcome, money, tier)
        return AttemptState.ANSWERED, item.worst_pusd if usd is None else usd
    if outcome is None or outcome.trouble is Trouble.UNSURE:
        return AttemptState.IN_DOUBT, item.worst_pusd
    if outcome.trouble is Trouble.UNREADABLE:
        return AttemptState.UNREADABLE, item.worst_pusd
    return AttemptState.FAILED, 0


def _price(item: Item, completion: Completion, money: Prices, tier: str) -> int | None:
    """None: the endpoint gave no usage, or the usage has no price."""
    answer, asked = completion.answer, item.request
    if completion.origin is Origin.RECORDED:
        return 0  # nobody was asked
    if answer.leaves is None:
        return None
    # A line of a batch that is sent by itself, for want of a batch API, is none.
    wished = "" if asked.service_tier == TIER else asked.service_tier
    at = tier or answer.service_tier or wished or "default"
    return money.cost(
        asked.provider, asked.model, answer.leaves, at, answer.web_searches, answer.extra
    )
