"""What of the planned requests their endpoints are not sent: parameters and tools that they do not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from costopt.endpoints.choose import api_of
from costopt.endpoints.connection import Connection
from costopt.endpoints.wire import anthropic_messages, openai_chat
from costopt.endpoints.wire.dialect import dialect_of
from costopt.model.exchange import Request
from costopt.replay.items import Plan
from costopt.report.words import plural
from costopt.wiring.replaying.places import ALL, Place

MOST = 5
"""Named one by one; the rest is counted."""


def left_out_notes(plan: Plan, places: Sequence[Place]) -> tuple[str, ...]:
    """One sentence, where anything is left out; none against recorded answers, to which nothing is sent."""
    by_name = {place.provider: place for place in places}
    counts: Counter[str] = Counter()
    for item in plan.items:
        place = by_name.get(item.request.provider) or by_name.get(ALL)
        if place is not None:
            counts.update(dict.fromkeys(left_out(item.request, place), 1))
    if not counts:
        return ()
    named = [f"{name} ({plural(n, 'request')})" for name, n in counts.most_common(MOST)]
    more = f", and {len(counts) - MOST} more" if len(counts) > MOST else ""
    return (f"Not sent with the requests: {', '.join(named)}{more}.",)


def left_out(request: Request, place: Place) -> list[str]:
    """Of one request, in the language of its place."""
    if (place.api or api_of(Connection(place.base_url))) == "anthropic":
        return anthropic_messages.left_out(request)
    return openai_chat.left_out(request, dialect_of(place.base_url))
