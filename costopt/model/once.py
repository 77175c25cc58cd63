"""What was worked out from a view, remembered with the view itself and gone with it.

A sweep asks the same view a hundred times for the same keys; a policy's layers ask one after the other
which of its calls were paid for.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

from costopt.model.view import View

V = TypeVar("V")
MOST = 8
"""Results that one view keeps: the longest unused goes first."""
_LOCK = Lock()
_PLACE = "_once"


def once(view: View, by: object, key: Hashable, make: Callable[[], V]) -> V:
    """`make()`, which depends on the view, on `by` (told by identity) and on `key` alone."""
    with _LOCK:
        kept: OrderedDict[Any, tuple[weakref.ref[Any], V]] = vars(view).setdefault(
            _PLACE, OrderedDict()
        )
        found = kept.get((id(by), key))
        if found is not None and found[0]() is by:
            kept.move_to_end((id(by), key))
            return found[1]
    value = make()
    with _LOCK:
        kept[id(by), key] = weakref.ref(by), value
        kept.move_to_end((id(by), key))
        while len(kept) > MOST:
            kept.popitem(last=False)
    return value


def latest(view: View, name: str, parts: tuple[object, ...], make: Callable[[], V]) -> V:
    """`make()`, which depends on the view and on the identity of `parts`. One result a name is kept."""
    place = f"_latest_{name}"
    found: tuple[tuple[object, ...], V] | None = vars(view).get(place)
    if found is not None and all(a is b for a, b in zip(found[0], parts, strict=True)):
        return found[1]
    value = make()
    vars(view)[place] = parts, value
    return value
