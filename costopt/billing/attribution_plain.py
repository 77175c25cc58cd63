"""The specification of `attribution.py`: one call, one part, one Python integer at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.billing.attribution import UNSEEN_OUTPUT_FACTOR, UNSEEN_OUTPUT_TOKENS


@dataclass(frozen=True, slots=True)
class PlainInput:
    """One call's input: how many tokens of each price class, and what each class cost."""

    read: int
    write: int
    fresh: int
    read_pusd: int
    write_pusd: int
    fresh_pusd: int


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Cumulative rounding: parts in proportion to the weights that sum to the amount."""
    whole, parts, before, taken = sum(weights), [], 0, 0
    for weight in weights:
        before += weight
        upto = amount * before // whole if whole else 0
        parts.append(upto - taken)
        taken = upto
    return parts


def input_parts(
    counts: Sequence[int], hidden: int, paid: PlainInput
) -> tuple[list[int], list[int], list[int]]:
    """(tokens, cached tokens, pico-dollars) of the hidden prefix and then of each use."""
    whole = paid.read + paid.write + paid.fresh
    tokens = [hidden, *split(whole - hidden, counts)]
    classes = [(paid.read, paid.read_pusd), (paid.write, paid.write_pusd)]
    classes.append((paid.fresh, paid.fresh_pusd))
    cached, pusd = [], []
    position = 0
    for size in tokens:
        begins, dollars, from_cache = 0, 0, 0
        for number, (inside, amount) in enumerate(classes):
            low = min(max(position - begins, 0), inside)
            high = min(max(position + size - begins, 0), inside)
            if inside:
                dollars += amount * high // inside - amount * low // inside
            from_cache += high - low if number == 0 else 0
            begins += inside
        cached.append(from_cache)
        pusd.append(dollars)
        position += size
    return tokens, cached, pusd


def output_parts(
    counts: Sequence[int], reported: int, amount: int
) -> tuple[list[int], list[int], int]:
    """(tokens and pico-dollars of each visible part, pico-dollars of what the log does not show)."""
    shown = sum(counts)
    spread = reported if shown else 0
    if reported > max(UNSEEN_OUTPUT_FACTOR * shown, shown + UNSEEN_OUTPUT_TOKENS):
        spread = shown
    tokens = split(spread, counts)
    pusd = split(amount, [*tokens, reported - spread])
    return tokens, pusd[:-1], amount - sum(pusd[:-1])
