"""Odd policies over odd logs through the whole of `simulate`: settings at their ends, layers in any number.

Logs are the sample trace with what a log can lack: sessions, times, text, usage, prices, calls at all.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from costopt.report.render.json import result_json
from costopt.report.render.projection import projection_screen
from costopt.wiring.policy.load import load_policy
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import simulate
from tests.properties.auditing import UNSAFE

SAMPLE = Path(__file__).parents[2] / "sample_traces" / "traces.jsonl"
Lines = list[dict[str, Any]]


def _sample(calls: int) -> Lines:
    with SAMPLE.open() as lines:
        return [json.loads(line) for _, line in zip(range(calls), lines, strict=False)]


def _each(change: Callable[[dict[str, Any]], Any], calls: int = 80) -> Lines:
    found = [line for line in _sample(calls) if line["response"]]
    for line in found:
        change(line)
    return found


def _without_text(line: dict[str, Any]) -> None:
    line["request"].pop("messages", None)
    line["request"].pop("tools", None)
    for choice in line["response"].get("choices", []):
        choice.pop("message", None)


def _without_anything(line: dict[str, Any]) -> None:
    _without_text(line)
    line["response"].pop("usage", None)


LOGS: Mapping[str, Callable[[], Lines]] = {
    "sample": lambda: _sample(150),
    "one call": lambda: _sample(1),
    "no call": lambda: [line | {"kind": "chain"} for line in _sample(3)],
    "one session": lambda: _each(lambda line: line.update(session_id="s")),
    "no sessions": lambda: _each(lambda line: line.pop("session_id", None)),
    "no times": lambda: _each(lambda line: line.pop("timestamp", None)),
    "one moment": lambda: _each(lambda line: line.update(timestamp="2026-10-05T02:00:00Z")),
    "no text": lambda: _each(_without_text),
    "no usage": lambda: _each(lambda line: line["response"].pop("usage", None)),
    "no usage, no text": lambda: _each(_without_anything),
    "no price": lambda: _each(
        lambda line: (
            line["request"].update(model="unheard-of"),
            line["response"].update(model="unheard-of"),
            line.update(provider="nobody"),
        )
    ),
    "usage of nothing": lambda: _each(
        lambda line: line["response"].update(usage={"prompt_tokens": 0, "completion_tokens": 0})
    ),
    "all failed": lambda: _each(
        lambda line: line.update(response={"error": {"message": "overloaded", "code": 500}})
    ),
    "the same call": lambda: [
        line | {"id": f"c{i}", "session_id": f"s{i // 3}"} for i, line in enumerate(_sample(1) * 60)
    ],
}
"""A log by what is odd about it."""

EXTREMES: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "exact_cache": {
        "ttl": (0, "1ms", "none"), "capacity": (1,), "eviction": ("lfu", "fifo"),
        "refresh": (True,), "scope": ([], ["session"]), "lookup_usd": (0, 5.0),
    },
    "semantic_cache": {
        "threshold": (0, 0.5, 0.95, 1, 1.5, "auto"), "ttl": (0, "none"), "capacity": (1,),
        "agent_turns": (True,), "floor": (0, 1), "key": ("all", "last_user"),
        "max_false_hit_rate": (0, 1), "profile": ("gptcache", "redisvl"),
    },
    "route": {
        "tiers": ({"simple": "gpt-4.1-nano"}, {"simple": "gpt-4.1-nano", "complex": "o3"}),
        "reasoning_ratio": (0, 50), "output_ratio": (0.01, 100), "threshold": (0, 1),
    },
    "trim_tools": {
        "max_tokens": (1, 10**9), "keep": ("head", "extract"), "head_share": (0, 1),
        "user_messages": (True,), "overhead_tokens": (0, 10**6),
    },
    "window": {
        "turns": (1, 10**9), "slide_every": (1, 1000), "max_input_tokens": (1, 10**9),
        "summarize": ("steps", "budget"), "max_reach_back": (0, 1),
    },
    "memory": {
        "working_turns": (1,), "top_k": (1, 1000), "min_similarity": (1,),
        "usd_per_million_queries": (0, 1e9), "across_sessions": (True,),
    },
    "tool_dedup": {"replace": ("pair", "result"), "note_tokens": (0, 10**6), "reads": (["*"],)},
    "prompt_layout": {
        "messages": (True,), "pad": (0, 1), "only_if_cheaper": (False,), "overhead_tokens": (10**6,),
    },
    "output": {"max_tokens": ("off", 1), "margin": (1, 1e6), "by": ([],)},
    "batch": {
        "match": ({"agent": "*"},), "deadline": (0, "1000d"), "window": ("1ms", "30d"),
        "only_if_cheaper": (True,),
    },
    "session_budget": {
        "usd": (0, 1e-9, 1e12), "per": ("session", "agent", "tenant"), "window": (0, "1ms", "365d"),
    },
    "self_host": {
        "ttft_ms": (1e-3, None), "percentile": (1, 100), "replicas": (1,), "tensor_parallel": (1, 8),
        "autoscale": (True,), "usd_per_gpu_hour": (0, 50), "rent_at": (0, 1), "hours": (1e-3, 1000),
        "output_ratio": (0.01, 100), "context_tokens": (1, 10**9), "precision": ("int4",),
        "speculation": ("llama-3.1-8b+eagle3",), "acceptance": (0, 1),
    },
}  # fmt: skip
"""Settings at the ends of what they may be; each is tried by itself and with others."""

NEEDED: Mapping[str, Mapping[str, Any]] = {
    "self_host": {"model": "meta-llama/Llama-3.1-8B-Instruct", "gpu": "l40s"}
}
"""Settings without which a layer does nothing or is refused: always given."""


def layer_text(name: str, chance: random.Random) -> dict[str, Any] | str:
    """One layer with some of its settings at an end, as a policy writes it."""
    ends = EXTREMES[name]
    chosen = {k: chance.choice(v) for k, v in ends.items() if chance.random() < 0.4}
    chosen |= NEEDED.get(name, {})
    return {name: chosen} if chosen else name


def policy_text(chance: random.Random, layers: int | None = None) -> dict[str, Any]:
    """Any number of layers in any order; some twice. JSON is YAML."""
    count = layers if layers is not None else chance.choice((0, 1, 1, 2, 3, 5, 9, 14))
    names = [chance.choice(list(EXTREMES)) for _ in range(count)]
    return {"version": 1, "layers": [layer_text(name, chance) for name in names]}


def simulated(lines: Lines, policy: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The projection of a policy over a log, held to what must hold of any; CostoptError: refused."""
    log, file = folder / "log.jsonl", folder / "policy.yaml"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file.write_text(json.dumps(policy))
    checked = load_policy(file)
    told = TraceOptions(traces=[str(log)], no_store=True, quiet=True, offline=True)
    done = simulate(told, checked, shapley=len(checked.layers) <= 4)
    try:
        document = json.loads(
            result_json(done.result), parse_constant=lambda word: _refused(f"{word} in the JSON")
        )
        for width in (60, 100):
            screen = "\n".join(map(str, projection_screen(done.result, width, 1.0)))
            assert not UNSAFE.search(screen.replace("\n", "")), screen
            assert "nan" not in screen.lower().split(), screen
    finally:
        done.reading.store.close()
    check(document["projection"], len(checked.layers), done.reading.trace.n)
    return dict(document["projection"])


def _refused(why: str) -> None:
    raise AssertionError(why)


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def check(found: Mapping[str, Any], layers: int, calls: int) -> None:
    """Sums, signs, intervals and words of a projection."""
    saved, base = found["savings_usd"], found["baseline_usd"]
    assert len(found["layers"]) == layers and base >= 0 and found["projected_usd"] >= 0
    assert _close(base - found["projected_usd"], saved)
    assert _close(sum(row["step_usd"] for row in found["layers"]), saved)
    if layers and found["layers"][0]["shapley_usd"] is not None:
        assert _close(sum(row["shapley_usd"] for row in found["layers"]), saved)
    assert (found["savings_pct"] is None) is (base == 0) is (found["verified_savings_pct"] is None)
    for pct, interval in (
        (found["savings_pct"], found["ci95_pct"]),
        (found["verified_savings_pct"], found["verified_ci95_pct"]),
    ):
        assert interval is None or interval[0] - 1e-5 <= pct <= interval[1] + 1e-5
    assert found["ci95_pct"] is not None or found["ci_reason"]
    assert found["verdict"]
    for row in found["layers"]:
        assert 0 <= row["calls_touched"] <= calls and row["overhead_usd"] >= 0
        assert row["risk"]["basis"] and row["basis"]
        value, ends = row["risk"]["value"], row["risk"]["ci95"]
        assert value is None or value >= 0
        assert ends is None or 0 <= ends[0] <= ends[1]
    if all(row["verified"] for row in found["layers"]):
        assert found["verified_savings_usd"] == saved
        assert found["verified_ci95_pct"] == found["ci95_pct"]
