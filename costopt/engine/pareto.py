"""The settings that no other one beats in both dollars and risk."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(dollars: Sequence[int], risks: Sequence[float]) -> list[int]:
    """Indices from the cheapest to the safest; of equal points the first."""
    order = sorted(range(len(dollars)), key=lambda i: (dollars[i], risks[i], i))
    front: list[int] = []
    for i in order:
        if not front or risks[i] < risks[front[-1]]:
            front.append(i)
    return front
