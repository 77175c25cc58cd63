"""`costopt replay` end to end against a server that nobody here wrote, on a log of its own answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from costopt.model.replayed import Compared, ReplayInfo
from costopt.wiring.replaying.running import replay
from costopt.wiring.replaying.wishes import Wishes
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import simulate
from scripts.validation.replay_world import MODEL, PRICES, World, write_log

pytestmark = [pytest.mark.heavy, pytest.mark.integration, pytest.mark.xdist_group("real servers")]
POLICY = "version: 1\nlayers:\n  - trim_tools: {max_tokens: 24}\n  - output: {max_tokens: 6}\n"


def test_a_real_server_measures_what_the_projection_said(
    tiny: tuple[str, str], tmp_path: Path
) -> None:
    url, model = tiny
    calls = write_log(url, tmp_path / "log.jsonl", 77, World(sessions=16), served=model)
    (tmp_path / "prices.yaml").write_text(PRICES)
    (tmp_path / "policy.yaml").write_text(POLICY)
    options = TraceOptions(
        traces=[str(tmp_path / "log.jsonl")], db=tmp_path / "ledger.duckdb",
        prices=tmp_path / "prices.yaml", quiet=True,
    )  # fmt: skip
    wishes = Wishes(base_url=f"{url}/v1", model_map=[f"{MODEL}={model}"], embedder="none")
    done = replay(options, tmp_path / "policy.yaml", wishes)
    info = done.result.replay
    assert info is not None and info.origin == "endpoint" and done.error is None
    assert calls >= 16 and info.answered == info.planned > 20 and info.in_doubt == 0
    _the_log_was_right(info)
    _the_policy_was_near(info)
    assert "trim_tools" in info.evidence
    after = simulate(options, tmp_path / "policy.yaml").projection
    assert any("replay 1" in note for note in after.notes)


def _the_log_was_right(info: ReplayInfo) -> None:
    """Unchanged requests count as many tokens as when the log was written, to the token."""
    found = _row(info, "baseline", "input_tokens")
    assert found.measured == found.predicted and found.measured
    assert info.noise and all(a.agree == a.answers for a in info.noise if a.test == "exact")


def _the_policy_was_near(info: ReplayInfo) -> None:
    for what in ("input_tokens", "usd"):
        found = _row(info, "policy", what)
        assert found.measured and found.predicted and found.calibrated
        assert abs(found.measured / found.predicted - 1) < 0.1
        assert abs(found.measured / found.calibrated - 1) < 0.05


def _row(info: ReplayInfo, arm: str, what: str) -> Compared:
    return next(row for row in info.compared if (row.arm, row.what) == (arm, what))
