"""Dollars that the log has on one day and the invoice on the next: late data, calls over midnight."""

from __future__ import annotations

from costopt.billing.invoice_cells import Key, Side, next_day


def move_late(ours: dict[Key, Side], theirs: dict[Key, Side]) -> list[tuple[str, int]]:
    """Moves such dollars (and their tokens) of the log to the next day, in place; says what it moved.

    Only what can have been late moves: calls begun in the last hour of a day, or in a batch. So a
    missing call on one day and an unknown one on the next never cancel out by chance.
    """
    moved = []
    for key in sorted(ours):
        log = ours[key]
        if not key.day or log.late_pusd <= 0:
            continue
        later = key._replace(day=next_day(key.day))
        missing = log.pusd - _pusd(theirs, key)
        extra = _pusd(theirs, later) - _pusd(ours, later)
        amount = min(missing, extra, log.late_pusd)
        if amount > 0:
            _shift(ours, key, later, amount)
            moved.append((f"{key.day} to {later.day} {key.model} {key.unit}".strip(), amount))
    return moved


def _pusd(cells: dict[Key, Side], key: Key) -> int:
    side = cells.get(key)
    return side.pusd if side else 0


def _shift(ours: dict[Key, Side], key: Key, later: Key, amount: int) -> None:
    log, target = ours[key], ours.setdefault(later, Side(tokens=0))
    tokens = (log.tokens or 0) * amount // log.pusd
    for side, sign in ((log, -1), (target, 1)):
        side.pusd += sign * amount
        side.tokens = (side.tokens or 0) + sign * tokens
    log.late_pusd -= amount
    target.lines = max(target.lines, 1)
    if not log.pusd and not log.tokens:
        del ours[key]
