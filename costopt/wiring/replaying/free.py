"""What an address is trusted with that is taken for the user's own: models that count nothing there."""

from __future__ import annotations

from costopt.prices.contract import Unpriced
from costopt.replay.items import Plan
from costopt.replay.money import Money
from costopt.wiring.replaying.asked import Asked

MOST = 3
"""Models named one by one."""


def free_notes(plan: Plan, asked: Asked, money: Money) -> tuple[str, ...]:
    """One sentence, where requests count $0 because of where they go: a gateway that passes them on to one
    who charges looks just like it."""
    if asked.recorded or not asked.free:
        return ()
    pairs = {(item.request.provider, item.request.model) for item in plan.items}
    names = sorted({m for p, m in pairs if isinstance(money.rates(p, m), Unpriced)})
    if not names:
        return ()
    named = ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if names[MOST:] else "")
    return (
        f"{asked.endpoint} is taken for your own machine: {named} counts $0 there, and no budget binds it. "
        "Does it pass calls on to a provider that charges? Then price it in prices.yaml.",
    )
