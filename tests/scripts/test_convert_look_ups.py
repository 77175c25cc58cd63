"""Questions with known answers become native logs that a semantic cache is simulated on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from costopt.engine.policy import Policy
from costopt.layers.semantic_cache import SemanticCache
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare

SCRIPTS = Path(__file__).parents[2] / "scripts"


def converted(script: str, folder: Path, seed: int = 0) -> list[dict[str, Any]]:
    out = folder / "log.jsonl"
    asked = [str(folder), "--out", str(out), "--seed", str(seed)]
    subprocess.run([sys.executable, str(SCRIPTS / script), *asked], check=True, capture_output=True)
    return [json.loads(line) for line in out.read_text().splitlines()]


def evidence(folder: Path, threshold: float) -> dict[str, Any]:
    layer = SemanticCache(threshold=threshold)
    policy = Policy((layer,))
    options = TraceOptions(traces=[str(folder / "log.jsonl")], no_store=True, quiet=True)
    effect = prepare(options, policy).evaluator.effect((layer,))
    return layer.report(effect.tally, effect.detail).evidence


def test_each_pair_is_one_look_up(tmp_path: Path) -> None:
    pairs = [
        ("how tall is the old lighthouse", "how tall is the old lighthouse?", 1),
        ("when does the ferry leave", "when does the ferry leave today", 0),
        ("how tall is the old lighthouse", "who paints fences", 0),
    ]
    lines = [json.dumps({"text_a": a, "text_b": b, "label": y}) for a, b, y in pairs]
    (tmp_path / "qqp_pairs.jsonl").write_text("\n".join(lines) + "\n")
    calls = converted("convert_qqp.py", tmp_path)
    assert len(calls) == 6 and len({c["tenant"] for c in calls}) == 3
    found = evidence(tmp_path, 0.6)
    assert (found["eligible_calls"], found["hits"], found["false_hits"]) == (6, 2, 1)
    assert found["false_basis"] == "json"


def test_a_stream_of_intents(tmp_path: Path) -> None:
    asked = [(f"please {verb} my {thing}", verb) for verb in ("cancel", "renew") for thing in
             ("ticket", "permit", "lease", "badge", "locker", "bicycle")]  # fmt: skip
    parts = {"train": asked, "val": asked[:6], "oos_test": [("sing a song", "oos")] * 6}
    (tmp_path / "data_full.json").write_text(json.dumps(parts))
    calls = converted("convert_clinc150.py", tmp_path)
    assert len(calls) == 24 and calls == converted("convert_clinc150.py", tmp_path)
    other = converted("convert_clinc150.py", tmp_path, seed=1)
    assert [c["request"] for c in other] != [c["request"] for c in calls]
    found = evidence(tmp_path, 0.999)
    assert (found["hits"], found["false_hits"], found["false_basis"]) == (11, 0, "label")
