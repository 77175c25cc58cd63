"""What every real log has: refused calls that were tried again, a stream without usage, an unknown model."""

from __future__ import annotations

import copy
import datetime as dt
import random
from typing import Any

Record = dict[str, Any]


def troubled(draw: random.Random, records: list[Record]) -> list[Record]:
    """The log with its accidents, in time order."""
    chats = [r for r in records if r["agent"] == "support"]
    added = [_rate_limited(draw, r) for r in draw.sample(chats, 6)]
    for record in draw.sample(chats, 1):
        _without_usage(record)
    added += [_unknown_model(draw, r) for r in draw.sample(chats, 2)]
    # The exporter sent a batch twice: the same calls again are the same calls.
    added += [copy.deepcopy(r) for r in draw.sample(records, 4)]
    return sorted([*records, *added], key=lambda r: r["timestamp"])


def _rate_limited(draw: random.Random, record: Record) -> Record:
    """The first try of a call, two seconds earlier, refused with 429."""
    failed = copy.deepcopy(record)
    failed |= {
        "id": f"c-{draw.getrandbits(64):016x}", "timestamp": _earlier(record["timestamp"], 2),
        "latency_ms": 210.0, "response": None,
        "error": {"type": "rate_limit_error", "code": 429, "message": "Too many requests."},
    }  # fmt: skip
    failed.pop("cost_usd", None)
    return failed


def _without_usage(record: Record) -> None:
    """A stream that was asked without `stream_options.include_usage`."""
    record["request"]["stream"] = True
    record["response"].pop("usage")
    record.pop("cost_usd", None)


def _unknown_model(draw: random.Random, record: Record) -> Record:
    """A model of the house that no price book knows."""
    own = copy.deepcopy(record)
    own |= {"id": f"c-{draw.getrandbits(64):016x}", "agent": "ranker", "task": "rank",
            "provider": "", "timestamp": _earlier(record["timestamp"], 1)}  # fmt: skip
    own["request"] = {"model": "nordhem-ranker-2", "max_tokens": 8, "messages": [
        {"role": "user", "content": record["request"]["messages"][1]["content"]}]}  # fmt: skip
    own["response"] |= {
        "id": f"rank-{draw.getrandbits(64):016x}", "model": "nordhem-ranker-2",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "3"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 1, "total_tokens": 61},
    }  # fmt: skip
    own.pop("cost_usd", None)
    return own


def _earlier(timestamp: str, seconds: int) -> str:
    at = dt.datetime.fromisoformat(timestamp.replace("Z", "+00:00")) - dt.timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
