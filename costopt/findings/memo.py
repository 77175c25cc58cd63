"""Work that several findings share is done once for a context, and forgotten with it."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TypeVar

from costopt.billing.context import AuditContext

T = TypeVar("T")


def once(work: Callable[[AuditContext], T]) -> Callable[[AuditContext], T]:
    """Keep the last answer for as long as its context lives; the context is never changed."""
    kept: list[tuple[weakref.ref[AuditContext], T]] = []

    @functools.wraps(work)
    def answer(context: AuditContext) -> T:
        if kept and kept[0][0]() is context:
            return kept[0][1]
        found = work(context)
        kept[:] = [(weakref.ref(context, lambda _: kept.clear()), found)]
        return found

    return answer
