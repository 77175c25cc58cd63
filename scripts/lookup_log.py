"""Questions with known answers as a native log of look-ups: what a semantic cache is judged on.

The data sets have no model, no tokens and no times. The log names a model so that it has a price;
costopt counts the texts' tokens and says so. No answer in it was made by that model.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

START = dt.datetime(2025, 6, 2, tzinfo=dt.UTC)
MODEL = "gpt-4o-mini-2024-07-18"
GAP = dt.timedelta(milliseconds=100)
"""Between calls: 36,000 of them are within the hour that the cache keeps answers for by default."""
LATENCY_MS = 20.0
"""Shorter than the gap: each answer is there before the next question comes."""


def look_up(
    number: int, question: str, answer: str, *, task: str, tenant: str = ""
) -> dict[str, Any]:
    """One call: the question as the user's message, the known answer as the model's."""
    message = {"role": "assistant", "content": answer}
    return {
        "id": f"q{number}", "session_id": f"s{number}",
        "timestamp": (START + number * GAP).isoformat(timespec="milliseconds"),
        "latency_ms": LATENCY_MS, "agent": "answerer", "task": task, "tenant": tenant,
        "provider": "openai",
        "request": {"model": MODEL, "messages": [{"role": "user", "content": question}]},
        "response": {"model": MODEL, "choices": [{"message": message, "finish_reason": "stop"}]},
    }  # fmt: skip
