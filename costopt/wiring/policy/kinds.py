"""What kind of value a setting takes, told from its type: for pages, for writing, and for checks."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator

from costopt.layers.settings import Duration, Patterns

_WORDS = {
    str: "text", bool: "true or false", int: "whole number", float: "number", NoneType: "null"
}  # fmt: skip


def alternatives(hint: Any) -> Iterator[Any]:
    """The members of a union; a type that is none alone."""
    if get_origin(hint) in (Union, UnionType):
        for member in get_args(hint):
            yield from alternatives(member)
    else:
        yield hint


def is_duration(hint: Any) -> bool:
    """Written as `1h`, alone or among others."""
    return any(_reads_like(h, Duration) for h in alternatives(hint))


def is_patterns(hint: Any) -> bool:
    """Written as `{agent: [nightly-*]}`."""
    return any(_reads_like(h, Patterns) for h in alternatives(hint))


def is_mapping(hint: Any) -> bool:
    """Held as pairs, to be hashable, and written as a mapping."""
    for member in alternatives(hint):
        base = get_args(member)[0] if get_origin(member) is Annotated else member
        item = get_args(base)[:1] if get_origin(base) is tuple else ()
        if item and get_origin(item[0]) is tuple and _readers(member):
            return True
    return False


def in_words(hint: Any) -> str:
    """`whole number or null`, `off, steps or budget`."""
    words = list(dict.fromkeys(w for member in alternatives(hint) for w in _words(member)))
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _words(hint: Any) -> list[str]:
    if _reads_like(hint, Duration):
        return ["duration"]
    if _reads_like(hint, Patterns):
        return ["patterns"]
    if get_origin(hint) is Annotated:
        if is_mapping(hint):
            return ["mapping"]
        return [w for member in alternatives(get_args(hint)[0]) for w in _words(member)]
    if get_origin(hint) is Literal:
        return [str(value) for value in get_args(hint)]
    if get_origin(hint) is tuple or hint is tuple:
        return ["list"]
    return [_WORDS.get(hint, getattr(hint, "__name__", str(hint)))]


def _reads_like(hint: Any, known: Any) -> bool:
    """Built on a type of ours: read by the same function, whatever was added to it."""
    return bool(_readers(hint) & _readers(known))


def _readers(hint: Any) -> set[Any]:
    if get_origin(hint) is not Annotated:
        return set()
    return {m.func for m in get_args(hint)[1:] if isinstance(m, BeforeValidator)}
