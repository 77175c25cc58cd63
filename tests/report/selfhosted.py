"""A `costopt selfhost` result with names that a log could carry, made by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

from costopt.report.selfhost import (
    Accepted,
    ApiBill,
    Even,
    Fleet,
    Gain,
    GainAt,
    Level,
    Point,
    Quality,
    Refused,
    Rents,
    SelfHosting,
    Traffic,
)
from tests.report.sample import EVIL

NEVER = Even(
    None, None, None, None, "4 replicas do not keep the level at 150 times this traffic each", 9.0
)
PAYS = Even(21.5, 1.2e9, 1, 33.6)


def fleet(gpu: str = "l40s", day: float = 33.6, **more: Any) -> Fleet:
    times = {"p50": 35.0, "p95": 163.0, "p99": 269.0}
    made = Fleet(
        gpu=gpu, gpus_per_replica=1, replicas=2, at_least=1, at_most=3, sized=True, engine="vllm",
        precision="bf16", keeps_level=True,
        levels=[Level("ttft", 5000.0, 95.0, 163.0, 0.99, "kept"),
                Level("tpot", 100.0, 95.0, None, 0.1, "missed")],
        ttft_ms=times, tpot_ms=times, e2e_ms=None, tokens_per_s_per_gpu=0.65, utilisation=0.0002,
        idle_gpu_hours_per_day=47.99, prefix_hit_share=0.5, kv_cache_tokens_per_replica=206_336,
        unserved_calls=1, terms="on_demand", usd_per_day=Rents(day / 2, day, 2 * day),
        rent_source="6 providers, last read 2026-09-25", rent_sources=[],
        usd_per_mtok={"input": 14.2, "output": None, "blended": 649.6},
        break_even={"low": PAYS, "typical": PAYS, "high": NEVER}, break_even_note="1 day stands for it",
        speculation=None, launch={"vllm": f"vllm serve '{EVIL}' \\\n  --max-model-len 10240"},
        launch_notes={"vllm": [f"{EVIL} is no repository"]},
    )  # fmt: skip
    return dataclasses.replace(made, **more)


def gain(**more: Any) -> Gain:
    made = Gain(
        "eagle3", 7, [[1, 11, 7], [12, 1024, 2]], 0.75, 1.0, 3.57, "published", 33.6, 33.6, 6.9, 16.9, 2,
        [GainAt(0.63, 33.6, 8.2, 2), GainAt(0.86, None, None, None)],
    )  # fmt: skip
    return dataclasses.replace(made, **more)


def hosting(*fleets: Fleet, api: float = 3.1, **more: Any) -> SelfHosting:
    made = SelfHosting(
        f"{EVIL}.jsonl", EVIL, "2026-11-09", {"percentile": 95.0, "terms": "on_demand"},
        ["ttft_ms", "tpot_ms", "percentile"],
        Traffic("log", 316, 307, {"not_text": 9}, [{"from": EVIL, "to": "m", "output_basis": "assumed"}],
                "estimated", 1.0, 3.2, False, 1.0, 307, 307.0, 5.0, 55_520.0, 823.0, 300.0, {EVIL: 3}),
        ApiBill("policy.yaml", ["prompt_layout"], ["route"], 12.0, 9.0, 5.0, 4.0, api, api, api, 0.5, False),
        list(fleets), [Refused("l4", f"{EVIL} does not fit")],
        [Point(1.0, 56_343.0, api, 2, Rents(16.8, 33.6, 67.2)), Point(40.0, 2e6, 40 * api, None, None, EVIL)],
        [Accepted(EVIL, 126, 0.99, 0.85, 2.68, 0.05), Accepted("", 9, 0.0, None, 1.0, None)],
        Quality("unverified", None, None, None, "- self_host: {}"), [f"note {EVIL}"],
    )  # fmt: skip
    return dataclasses.replace(made, **more)
