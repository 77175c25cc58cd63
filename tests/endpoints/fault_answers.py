"""What the fault server says and how it counts: a function of the request, so two runs agree."""

from __future__ import annotations

import hashlib
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

from tests.endpoints.behaviour import Behaviour

VOCABULARY = [
    "red",
    "blue",
    "green",
    "one",
    "two",
    "three",
    "north",
    "south",
    "open",
    "shut",
    "yes",
    "no",
    "file",
    "line",
    "test",
    "done",
]


def words_of(value: Any) -> list[str]:
    """Words of a JSON value: text split at spaces, keys left out."""
    if isinstance(value, str):
        return value.split()
    if isinstance(value, dict):
        return [w for k, v in value.items() if k not in _NO_TEXT for w in words_of(v)]
    if isinstance(value, list):
        return [w for v in value for w in words_of(v)]
    return [] if value is None else [str(value)]


_NO_TEXT = frozenset(("cache_control", "tool_call_id", "tool_use_id", "id", "type", "role"))


@dataclass
class Prompt:
    """What a request asks, whichever language it speaks."""

    words: list[str]
    marks: list[int]
    """Anthropic's cache marks: number of words in front of each, the marked block included."""
    last: list[str]
    """Words of the last message."""
    model: str
    cap: int | None
    tools: list[str]
    json: bool
    """It wants JSON."""


def prompt_of(body: dict[str, Any]) -> Prompt:
    """Tools, system, messages in wire order."""
    words: list[str] = []
    marks: list[int] = []
    system = body.get("system")
    blocks = [*(body.get("tools") or []), *(system if isinstance(system, list) else [system])]
    for message in body.get("messages") or []:
        content = message.get("content")
        rest = {k: v for k, v in message.items() if k not in ("role", "content")}
        inner = content if isinstance(content, list) else [content]
        blocks += [message.get("role"), *inner, rest]
    for block in blocks:
        words += words_of(block)
        if isinstance(block, dict) and block.get("cache_control"):
            marks.append(len(words))
    messages = body.get("messages") or [{}]
    names = [(t.get("function") or t).get("name", "") for t in body.get("tools") or []]
    cap = body.get("max_completion_tokens") or body.get("max_tokens")
    wants_json = (body.get("response_format") or {}).get("type", "text") != "text"
    model = str(body.get("model"))
    return Prompt(
        words, marks, words_of(messages[-1].get("content")), model, cap, names, wants_json
    )


@dataclass
class Said:
    """An answer before it is put into a provider's words."""

    text: str = ""
    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    finish: str = "stop"
    """stop, length, tool_calls."""

    @property
    def tokens(self) -> int:
        return len(words_of(self.text)) + (1 + len(words_of(self.arguments)) if self.tool else 0)


def say(prompt: Prompt, how: Behaviour, noise: random.Random) -> Said:
    """The answer: by the last message, for some prompts by all of it or by the model."""
    whole = " ".join(prompt.words)
    seed = " ".join(prompt.last)
    if share(whole) < how.context_share:
        seed = whole
    if share("model " + " ".join(prompt.last)) < how.model_share:
        seed += prompt.model
    if noise.random() < how.noise:
        seed += str(noise.random())
    rng = random.Random(seed)
    if prompt.tools and rng.random() < how.tool_share:
        found = {"what": rng.choice(VOCABULARY), "line": rng.randint(1, 99)}
        return Said(tool=rng.choice(prompt.tools), arguments=found, finish="tool_calls")
    words = rng.choices(VOCABULARY, k=rng.randint(1, how.words))
    if prompt.json:
        return Said(json.dumps({"answer": words[0]}))
    if prompt.cap is not None and prompt.cap < len(words):
        return Said(" ".join(words[: prompt.cap]), finish="length")
    return Said(" ".join(words))


def share(text: str) -> float:
    """A number between 0 and 1 that belongs to the text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32


@dataclass
class Counts:
    """Tokens as this server bills them; input is all input."""

    input: int
    read: int
    write: int
    output: int


class PromptCache:
    """Prefixes seen before, by the hash of their words."""

    def __init__(self, how: Behaviour) -> None:
        self._how, self._seen = how, dict[bytes, float]()

    def look(self, prompt: Prompt, marked: bool) -> tuple[int, int]:
        """(read, written) words. `marked`: only up to the prompt's own marks (Anthropic)."""
        if self._how.cache != "prefix":
            return 0, 0
        size, block, now = len(prompt.words), self._how.cache_block, time.monotonic()
        ends = prompt.marks if marked else list(range(block, size + 1, block))
        ends = [end for end in ends if end >= self._how.cache_min]
        keys = {end: _hash(prompt.words[:end]) for end in ends}
        fresh = now - self._how.cache_ttl_s
        read = max((e for e in ends if self._seen.get(keys[e], float("-inf")) > fresh), default=0)
        self._seen.update((key, now) for key in keys.values())
        return read, (max(ends, default=0) - read if marked else 0)


def _hash(words: list[str]) -> bytes:
    return hashlib.blake2b("\0".join(words).encode(), digest_size=12).digest()


def count(prompt: Prompt, said: Said, cache: PromptCache, how: Behaviour, marked: bool) -> Counts:
    """The bill of one request."""
    read, write = cache.look(prompt, marked)
    if how.usage == "constant":
        return Counts(10, 0, 0, 20)
    times = 2 if how.usage == "doubled" else 1
    return Counts(len(prompt.words) * times, read * times, write * times, said.tokens * times)
