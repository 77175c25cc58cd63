"""Calibration on measurements that the same core made: constants come back, what no load shows stays put."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from costopt.errors import InputError, UsageError
from costopt.serving.calibration.bounds import own_bounds, sheet_bounds
from costopt.serving.calibration.fit import Calibrated, calibrate
from costopt.serving.calibration.identify import tell
from costopt.serving.calibration.least_squares import solve
from costopt.serving.calibration.observed import Observed, as_json
from costopt.serving.calibration.replica import Replica
from costopt.serving.efficiency import Efficiencies, shipped
from costopt.serving.engines import engine
from costopt.serving.hardware import gpu
from costopt.serving.models import shape
from costopt.serving.precision import precision

TRUE = {"memory": 0.7, "gemm": 0.45}


def replica(engine_name: str = "vllm") -> Replica:
    device, model = gpu("h100_sxm"), shape("llama-3.1-8b")
    return Replica(model, device, precision("", model), engine(engine_name, device))


def measured(
    one: Replica, values: Efficiencies, noise: float = 0.01, loads: tuple[int, ...] = (1, 2, 4),
    streamed: bool = True,
) -> list[Observed]:  # fmt: skip
    """What a client would have measured of that server, with a little noise."""
    draw, out = np.random.default_rng(5), []
    for tokens in (256, 2048):
        for load in loads:
            n = 2 * load + 4
            sizes = draw.integers(tokens * 9 // 10, tokens * 11 // 10, n)
            answers = draw.integers(20, 25, n)
            asked = Observed(
                load,
                tokens,
                sizes,
                answers,
                np.full(n, 1.0 if streamed else np.nan),
                np.ones(n),
                1.0,
            )
            run = one.served([asked], values)[0]
            factors = np.exp(noise * draw.standard_normal((2, n)))
            first = run.ttft_ms * factors[0]
            later = (run.latency_ms - np.nan_to_num(run.ttft_ms)) * factors[1]
            out.append(replace(run, ttft_ms=first, latency_ms=np.nan_to_num(first) + later))
    return out


@pytest.fixture(scope="module")
def found() -> Calibrated:
    one = replica()
    return calibrate(one, measured(one, replace(shipped(), **TRUE)), shipped(), sheet_bounds())


def test_the_constants_that_made_the_measurements_come_back(found: Calibrated) -> None:
    assert set(TRUE) <= set(found.told.fitted)
    for name, value in TRUE.items():
        assert getattr(found.values, name) == pytest.approx(value, rel=0.08)


def test_what_no_load_shows_stays_as_shipped_and_says_why(found: Calibrated) -> None:
    for name in ("experts", "link", "collective_s"):  # one GPU, no mixture
        assert getattr(found.values, name) == getattr(shipped(), name)
        assert "depends on it" in found.told.left[name]
    assert set(found.told.fitted) | set(found.told.left) == set(Efficiencies.names())
    assert not set(found.told.fitted) & set(found.told.left)
    # Every step pays both, and one model has one number of layers: no grid tells them apart.
    assert not {"step_s", "layer_s"} <= set(found.told.fitted)


def test_loads_left_out_are_predicted(found: Calibrated) -> None:
    for point, told, without in zip(found.points, found.predicted, found.held_out, strict=True):
        assert without is not None
        real = point.figures()
        assert told.tpot_ms == pytest.approx(real.tpot_ms, rel=0.06)
        assert without.ttft_ms == pytest.approx(real.ttft_ms, rel=0.15)
        assert without.tpot_ms == pytest.approx(real.tpot_ms, rel=0.1)


def test_one_load_has_nothing_to_be_judged_by() -> None:
    one = replica("transformers")
    got = calibrate(one, measured(one, shipped(), loads=(1,)), shipped(), sheet_bounds())
    assert got.held_out == (None, None)


def test_without_a_stream_whole_latencies_fit() -> None:
    one = replica("transformers")
    points = measured(one, replace(shipped(), memory=0.6), loads=(1, 3), streamed=False)
    got = calibrate(one, points, shipped(), sheet_bounds())
    assert np.isnan(points[0].figures().ttft_ms) and np.isnan(points[0].figures().tpot_ms)
    assert got.values.memory == pytest.approx(0.6, rel=0.1)


def test_one_after_the_other_waits_for_those_before() -> None:
    """An engine with one seat: of three at once the typical request waits for two whole answers."""
    one = replica("transformers")
    alone, three = measured(one, shipped(), 0.0, loads=(1, 3))[:2]
    assert three.figures().ttft_ms > 2 * alone.figures().latency_ms * 0.8
    assert three.figures().tpot_ms == pytest.approx(alone.figures().tpot_ms, rel=0.05)


def test_a_model_that_could_not_have_run_is_no_fit() -> None:
    one, big = replica(), shape("llama-3.1-70b")
    points = measured(one, shipped(), loads=(1,))
    with pytest.raises(UsageError, match="could not have served"):
        calibrate(replace(one, shape=big), points, shipped(), sheet_bounds())
    with pytest.raises(InputError, match="nothing to fit"):
        calibrate(one, [], shipped(), sheet_bounds())


def test_collinear_and_silent_constants_are_named() -> None:
    a = np.array([1.0, 1.0, 2.0, 0.5])
    b = np.array([0.0, 1.0, -1.0, 1.0])
    told = tell(("a", "twin", "b", "silent"), np.array([a, a * 0.9, b, a * 0]).T, np.full(4, 0.03))
    assert set(told.fitted) == {"a", "b"}
    assert "`a`" in told.left["twin"] and "depends on it" in told.left["silent"]


def test_least_squares_keeps_its_bounds() -> None:
    """Of a linear problem: the free solution is (2, -1); the box ends at 1.5."""
    matrix = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    goal = matrix @ np.array([2.0, -1.0])
    free = solve(lambda x: matrix @ x - goal, np.zeros(2), np.full(2, -9.0), np.full(2, 9.0))
    assert free.x == pytest.approx([2.0, -1.0], abs=1e-3)
    held = solve(lambda x: matrix @ x - goal, np.zeros(2), np.full(2, -9.0), np.full(2, 1.5))
    assert held.x == pytest.approx([1.5, -0.75], abs=1e-2)


def test_bounds_of_own_hardware_are_wider() -> None:
    sheet, own = sheet_bounds(), own_bounds()
    assert all(own[n].low <= sheet[n].low and own[n].high >= sheet[n].high for n in sheet)


def test_an_observation_is_written_without_nan() -> None:
    one = measured(replica(), shipped(), loads=(1,), streamed=False)[0]
    assert as_json(one)["ttft_ms"] == [None] * len(one.prompt_tokens)
