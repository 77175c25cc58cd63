"""In which order requests go out: a session's in its own order, so that each finds its prefix warm.

Sessions run side by side. Inside one, the calls as the policy and the log have them come first; what
is sent again to be compared (noise, a layer alone) follows in chains of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from costopt.replay.items import Arm, Item

_FIRST = (Arm.POLICY, Arm.BASELINE)


@dataclass(frozen=True)
class Chain:
    """Requests of one session that go out one after the other, and the chains that wait for them."""

    items: tuple[Item, ...]
    then: tuple[Chain, ...] = ()

    def __len__(self) -> int:
        """Requests until the last one that waits has gone out."""
        return len(self.items) + max(map(len, self.then), default=0)


def chains(items: Iterable[Item], *, cold: bool = False) -> list[Chain]:
    """The chains that can begin at once, the longest first: it is the one that the end waits for.

    Cold: each request by itself, in the plan's order.
    """
    if cold:
        return [Chain((item,)) for item in sorted(items, key=lambda item: item.place)]
    sessions: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        sessions[item.session].append(item)
    return sorted((_of_session(found) for found in sessions.values()), key=len, reverse=True)


def _of_session(items: list[Item]) -> Chain:
    first = [item for item in items if item.arm in _FIRST]
    later: dict[tuple[Arm, tuple[str, ...]], list[Item]] = defaultdict(list)
    for item in items:
        if item.arm not in _FIRST:
            later[item.arm, item.layers if item.arm is Arm.LAYER else ()].append(item)
    # The whole session under the policy, then as logged: side by side they would warm each other's
    # prefixes by chance.
    main = sorted(first, key=lambda item: (_FIRST.index(item.arm), item.place))
    waiting = [Chain(tuple(sorted(of, key=lambda item: item.place))) for of in later.values()]
    return Chain(tuple(main), tuple(waiting))
