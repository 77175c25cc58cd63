"""How the fault server behaves: what goes wrong, how it counts, how long it takes."""

from __future__ import annotations

import argparse
import dataclasses
import random
from dataclasses import dataclass, field

CHARGED = frozenset(
    ("ok", "slow", "cut", "json", "html", "no_choices", "close_after", "dup_id", "no_usage",
     "contradiction", "stream_error", "empty")
)  # fmt: skip
"""Kinds of answer for which a real provider's model has run. The others cost nothing."""
FREE = frozenset(
    ("close_before", "quota", "overloaded", "unknown_model", "redirect", "error_200", "refuse_stream")
)  # fmt: skip
KINDS = CHARGED | FREE
"""Beside these every HTTP status: `429`, `500`, `401`, `422`, ..."""


@dataclass
class Behaviour:
    """Every field is an option of the command line: `latency_ms` is `--latency-ms`."""

    seed: int = 0
    faults: str = ""
    """`429:0.1,500:0.05,cut:0.02`: kind and share of requests, drawn by `seed`."""
    script: str = ""
    """`429,ok,500`: one kind a request in the order they arrive; afterwards `faults`."""
    retry_after: str = "0.05"
    """Header of 429, 503, 529: seconds or an HTTP date; empty: none."""
    latency_ms: float = 0.0
    """Before the first byte."""
    jitter_ms: float = 0.0
    token_ms: float = 0.0
    """Between the pieces of a stream."""
    slow_s: float = 1.0
    """What the kind `slow` adds."""
    usage: str = "real"
    """real: words between spaces; doubled: twice that; constant: 10 in and 20 out; none: no usage."""
    cache: str = "off"
    """off: no field for cached tokens at all; prefix: the longest prefix seen before, in blocks
    (Anthropic: up to its cache marks); zero: the field is there and 0."""
    cache_block: int = 16
    cache_min: int = 0
    cache_ttl_s: float = 1e9
    key: str = ""
    """Another key is 401; empty: none is needed."""
    models: str = ""
    """`a,b`: another model is 404; empty: every model is served."""
    stream_usage: bool = True
    """False: a stream gives no usage, as llama.cpp's Python server."""
    stream_options: bool = True
    """False: a request with `stream_options` is refused with 422."""
    streams: bool = True
    """False: a request with `stream` is refused with 400."""
    rate_limit: int = 0
    """Requests a minute in the rate-limit headers; 0: no such headers."""
    words: int = 12
    """An answer has 1 to this many words (or fewer, by the request's cap)."""
    noise: float = 0.0
    """Share of answers that come out differently each time."""
    context_share: float = 0.2
    """Share of prompts whose answer depends on more than the last message."""
    model_share: float = 0.2
    """Share of prompts that two models answer differently."""
    tool_share: float = 0.5
    """Share of prompts with tools that are answered by a call."""

    ahead: list[str] = field(default_factory=list)
    """Kinds of the next answers, before `script` goes on; for tests that share a server."""
    _places: int = field(default=0, repr=False)

    def draw(self, rng: random.Random) -> str:
        """The kind of the next answer."""
        if self.ahead:
            return self.ahead.pop(0)
        script = [k.strip() for k in self.script.split(",") if k.strip()]
        if self._places < len(script):
            self._places += 1
            return script[self._places - 1]
        at = rng.random()
        for pair in filter(None, self.faults.split(",")):
            kind, share = pair.split(":")
            if (at := at - float(share)) < 0:
                return kind.strip()
        return "ok"


def arguments(parser: argparse.ArgumentParser) -> None:
    """An option for every field; switches are `--no-streams`."""
    for one in dataclasses.fields(Behaviour):
        if not _is_option(one.name):
            continue
        name = "--" + one.name.replace("_", "-")
        if isinstance(one.default, bool):
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=one.default)
        else:
            parser.add_argument(name, type=type(one.default), default=one.default)


def _is_option(name: str) -> bool:
    return name != "ahead" and not name.startswith("_")


def behaviour_from(told: argparse.Namespace) -> Behaviour:
    names = [f.name for f in dataclasses.fields(Behaviour) if _is_option(f.name)]
    return Behaviour(**{name: getattr(told, name) for name in names})
