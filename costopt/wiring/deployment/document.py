"""Walking a document that someone else wrote: nothing about its shape is taken for granted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_NODES = 200_000
"""A dashboard has some thousands; a document that repeats itself by YAML aliases stops here."""

COST = re.compile(r"cost|spend|usd|dollar|budget|\bprice", re.IGNORECASE)
# The plural alone: `time_to_first_token_seconds` is a latency.
MONEY_OR_TOKENS = re.compile(rf"{COST.pattern}|tokens", re.IGNORECASE)
P95 = re.compile(
    r"quantile\w*\s*\(\s*0?\.95\b|\bp95\b|percentile\w*\s*\(?\s*95|_p95", re.IGNORECASE
)


def mapping(value: Any) -> dict[str, Any]:
    """The value as a mapping with text keys; an empty one where it is none."""
    return {text_of(k): v for k, v in value.items()} if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The value as a list; an empty one where it is none."""
    return value if isinstance(value, list) else []


def shown(value: Any) -> str:
    """A setting's value for a sentence: a scalar, or a short list of them; anything else is `set`.

    Never `str(value)` of a container: YAML aliases can make its text exponentially long.
    """
    if isinstance(value, list) and 0 < len(value) <= 5 and not any(_nested(v) for v in value):
        return ", ".join(str(v)[:60] for v in value)
    return "set" if _nested(value) else str(value)[:60]


def text_of(value: Any) -> str:
    """A text as it is, anything else as `shown`."""
    return value if isinstance(value, str) else shown(value)


def _nested(value: Any) -> bool:
    return isinstance(value, (dict, list))


def walk(root: Any) -> Iterator[tuple[str, str, Any]]:
    """(path, key, value) of every entry of every mapping, each shared node once."""
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting and len(seen) < MAX_NODES:
        path, node = waiting.pop()
        if not isinstance(node, (dict, list)) or id(node) in seen:
            continue
        seen.add(id(node))
        pairs = list(node.items() if isinstance(node, dict) else enumerate(node))
        places = [f"{path}.{text_of(k)}" if path else text_of(k) for k, _ in pairs]
        if isinstance(node, dict):
            for place, (key, value) in zip(places, pairs, strict=True):
                yield place, text_of(key), value
        # The last pushed is taken first: reversed, so that the order is the document's.
        waiting += [(p, v) for p, (_, v) in zip(places[::-1], pairs[::-1], strict=True)]


def texts(root: Any) -> str:
    """Every piece of text inside, joined: what a search for a word looks through."""
    found = [str(value) for _, _, value in walk({"": root}) if isinstance(value, (str, int, float))]
    for _, _, value in walk({"": root}):
        if isinstance(value, list):
            found += [str(v) for v in value if isinstance(v, str)]
    return "\n".join(found)
