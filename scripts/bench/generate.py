"""Generated logs for speed measurements: about 3 KB of new text a call, histories that grow."""

from __future__ import annotations

import json
import random
from pathlib import Path

_TEXT = """order ticket refund parcel invoice customer delivery address payment account status
update please check the confirm again item return window policy agent reply summary result value
search record found missing number date city street holds total amount next step because"""
WORDS = _TEXT.split()
NEW_TEXT_BYTES = 3_000
STEPS = 6


def words(rng: random.Random, size: int) -> str:
    """About `size` bytes of words."""
    return " ".join(rng.choices(WORDS, k=size // 7))


def native(path: Path, calls: int, seed: int = 1) -> int:
    """A costopt-jsonl file of `calls` calls in sessions of six steps; returns its bytes.

    Each call carries its own 3 KB of new text and the last message of the step before, as gateways
    with a short memory do; whole histories would measure the disk rather than the reader.
    """
    rng = random.Random(seed)
    system = words(rng, 1200)
    with path.open("w") as out:
        for number in range(calls):
            out.write(json.dumps(_native_call(rng, number, system), separators=(",", ":")) + "\n")
    return path.stat().st_size


def _native_call(rng: random.Random, number: int, system: str) -> dict[str, object]:
    session, step = divmod(number, STEPS)
    at = 1_780_000_000 + session * 60 + step * 7
    prompt = 900 + step * 400
    cached = (prompt // 128 - 1) * 128 if step and prompt > 1100 else 0
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": 60,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": words(rng, NEW_TEXT_BYTES)},
    ]
    reply = {"role": "assistant", "content": words(rng, 240)}
    return {
        "id": f"c{number}",
        "session_id": f"s{session}",
        "timestamp": at,
        "agent": f"agent{session % 5}",
        "provider": "openai",
        "request": {"model": "gpt-4o", "messages": messages, "max_tokens": 500},
        "response": {
            "id": f"chatcmpl-{number}",
            "model": "gpt-4o-2024-11-20",
            "choices": [{"message": reply, "finish_reason": "stop"}],
            "usage": usage,
        },
    }
