"""Two providers that answer as the real ones bill: token counts, prompt cache, usage, model, id.

The prompt cache is simulated on tokens: OpenAI keeps prefixes from 1,024 tokens on in steps of 128 while
they are used every few minutes, and now and then misses; Anthropic keeps what stands before a
`cache_control` mark for five minutes. Sources: https://platform.openai.com/docs/guides/prompt-caching,
https://docs.claude.com/en/docs/build-with-claude/prompt-caching, checked 2026-11-24.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]

OPENAI_MINIMUM, OPENAI_STEP, OPENAI_IDLE_S = 1024, 128, 420
OPENAI_MISSES = 0.06
ANTHROPIC_MINIMUM, ANTHROPIC_IDLE_S = 1024, 300
MESSAGE_OVERHEAD = 4


def encoder() -> Any:
    """The o200k tokenizer; needs the `ranks` extra."""
    import bpe_openai

    return bpe_openai.get_encoding("o200k_base")


@dataclass
class OpenAi:
    """Chat completions with an automatic prefix cache."""

    draw: random.Random
    encode: Any
    sent: list[tuple[float, str, list[int]]] = field(default_factory=list)

    def usage(self, at_s: float, request: Body, answer: Body, reasoning: int = 0) -> Body:
        """The usage object of one answered request."""
        prompt = self._prompt(request)
        cached = self._cached(at_s, request["model"], prompt)
        self.sent.append((at_s, request["model"], prompt))
        out = len(self.encode(json.dumps(answer.get("tool_calls") or answer.get("content") or "")))
        return {
            "prompt_tokens": len(prompt),
            "completion_tokens": out + reasoning,
            "total_tokens": len(prompt) + out + reasoning,
            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
        }

    def _prompt(self, request: Body) -> list[int]:
        tokens: list[int] = []
        if request.get("tools"):
            tokens += self.encode(json.dumps(request["tools"]))
        for message in request["messages"]:
            text = message.get("content") or ""
            calls = message.get("tool_calls")
            tokens += self.encode(message["role"]) + [0] * (MESSAGE_OVERHEAD - 1)
            tokens += self.encode(text + (json.dumps(calls) if calls else ""))
        return tokens

    def _cached(self, at_s: float, model: str, prompt: list[int]) -> int:
        self.sent = [entry for entry in self.sent if at_s - entry[0] <= OPENAI_IDLE_S]
        if self.draw.random() < OPENAI_MISSES:
            return 0
        best = max((common(p, prompt) for _, m, p in self.sent if m == model), default=0)
        whole = best // OPENAI_STEP * OPENAI_STEP
        return whole if whole >= OPENAI_MINIMUM else 0


@dataclass
class Anthropic:
    """Messages with explicit cache marks on the system prompt and on the last message."""

    draw: random.Random
    encode: Any
    kept: dict[int, float] = field(default_factory=dict)

    def usage(self, at_s: float, request: Body, content: list[Body]) -> Body:
        """The usage object of one answered request; the three input counts are disjoint."""
        self.kept = {k: t for k, t in self.kept.items() if at_s - t <= ANTHROPIC_IDLE_S}
        marks = self._marks(request)
        total = marks[-1][1]
        read = max((tokens for key, tokens in marks if key in self.kept), default=0)
        cacheable = [m for m in marks[:-1] if m[1] >= ANTHROPIC_MINIMUM]
        kept = max((tokens for _, tokens in cacheable), default=0)
        for key, _ in cacheable:
            self.kept[key] = at_s
        text = json.dumps([c.get("text") or c.get("input") for c in content])
        return {
            "input_tokens": total - max(kept, read),
            "cache_creation_input_tokens": max(0, kept - read),
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": max(0, kept - read),
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": self._count(text),
            "service_tier": "standard",
        }

    def _count(self, text: str) -> int:
        # A tokenizer of another family: some tenth more tokens for the same text.
        return len(self.encode(text)) * 11 // 10 + 1

    def _marks(self, request: Body) -> list[tuple[int, int]]:
        """(hash of everything up to there, tokens up to there) after system and after each message."""
        text = json.dumps(request.get("tools", [])) + json.dumps(
            [b["text"] for b in request["system"]]
        )
        tokens = self._count(text)
        marks = [(hash_of(text), tokens)]
        for message in request["messages"]:
            plain = json.dumps([{k: v for k, v in b.items() if k != "cache_control"}
                                for b in message["content"]])  # fmt: skip
            text += plain
            tokens += self._count(plain)
            marks.append((hash_of(text), tokens))
        return [*marks, (0, tokens + 3)]


def common(a: list[int], b: list[int]) -> int:
    """Tokens that two prompts share from the first on."""
    size = min(len(a), len(b))
    if a[:size] == b[:size]:
        return size
    low, high = 0, size
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle - 1)
    return low


def hash_of(text: str) -> int:
    """A stable hash: Python's own is salted per process."""
    import xxhash

    return xxhash.xxh3_64_intdigest(text.encode())
