"""What is worked out from a view is worked out once, for the one who asked, and bounded."""

from __future__ import annotations

from costopt.model.build import trace_of
from costopt.model.once import MOST, once
from costopt.model.view import View


class Asker:
    """Somebody."""


def test_a_view_remembers_by_who_asked_and_for_what() -> None:
    view, first, second = View.of(trace_of([])), Asker(), Asker()
    made: list[str] = []

    def ask(who: Asker, key: str) -> int:
        return once(view, who, key, lambda: made.append(key) or len(made))

    assert [ask(first, "a"), ask(first, "a"), ask(second, "a"), ask(first, "b")] == [1, 1, 2, 3]
    assert once(view.edited(sent=view.sent), first, "a", lambda: 9) == 9
    for i in range(MOST):
        ask(first, f"more {i}")
    assert ask(first, "a") == len(made) == 4 + MOST
