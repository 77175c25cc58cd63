"""The step model and what fits: hand arithmetic, directions, and units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from costopt.errors import UsageError
from costopt.serving import experts
from costopt.serving.capacity import capacity, weight_bytes
from costopt.serving.efficiency import Efficiencies, provenance, shipped
from costopt.serving.engines import engine
from costopt.serving.hardware import gpu
from costopt.serving.models import shape
from costopt.serving.precision import precision
from costopt.serving.step import StepModel

IDEAL = Efficiencies(
    gemm=1, memory=1, kv_read=1, attention=1, experts=1, link=1, collective_s=0, layer_s=0,
    eager_layer_s=0, step_s=0, seq_s=0, request_s=0,
)  # fmt: skip


def model(
    name: str = "llama-3.1-8b",
    device: str = "h100",
    bits: str = "bf16",
    tp: int = 1,
    values: Efficiencies | None = IDEAL,
) -> StepModel:
    one = shape(name)
    return StepModel(gpu(device), one, precision(bits, one), tp, 1, values)


def test_one_sequence_waits_for_the_weights_alone() -> None:
    """8B in bf16: (8.03 - 0.525 of the embedding) billion x 2 bytes over 3.35 TB/s = 4.48 ms."""
    spent = model().step_s(1, 0.0)
    assert spent == pytest.approx(7.505e9 * 2 / 3.35e12, rel=0.01)


def test_a_long_prompt_waits_for_arithmetic() -> None:
    """8,192 tokens x 2 x 6.98 billion (head and embedding aside) over 989.4 TFLOP/s = 115.6 ms."""
    assert model().dense_s(np.array([8192.0]))[0] == pytest.approx(0.1156, rel=0.01)


def test_the_kv_cache_is_read_once_a_step() -> None:
    """32 layers x 2 x 8 heads x 128 x 2 bytes = 128 KiB a token; 64 x 4,096 of them: 10.3 ms."""
    spent = model().step_s(64, 4096.0) - model().step_s(64, 0.0)
    assert spent == pytest.approx(64 * 4096 * 131_072 / 3.35e12)


def test_few_tokens_touch_few_experts_and_many_touch_all() -> None:
    one = model("gpt-oss-120b", bits="fp4")
    read = one.experts_s(np.array([1.0, 2000.0]))
    assert read[0] == pytest.approx(36 * 4 * 24_883_200 * 4.25 / 8 / 3.35e12)
    assert read[1] >= 36 * 128 * 24_883_200 * 4.25 / 8 / 3.35e12 * 0.999


def test_a_window_bounds_what_is_read() -> None:
    one = model("gpt-oss-120b", bits="fp4")
    near, far = one.step_s(8, 128.0), one.step_s(8, 8192.0)
    per_token = 2 * 8 * 64 * 2 / 3.35e12
    assert far - near == pytest.approx(8 * (8192 - 128) * 18 * per_token)


@pytest.mark.parametrize("values", [IDEAL, Efficiencies()])
def test_directions(values: Efficiencies) -> None:
    """More of anything takes longer; a better chip or more chips at large batches take less."""
    base = model(values=values)
    assert base.step_s(32, 1000) > base.step_s(16, 1000) > base.step_s(16, 500)
    assert base.step_s(16, 1000, prompt_tokens=512) > base.step_s(16, 1000)
    assert model(device="h200", values=values).step_s(64, 2000) < base.step_s(64, 2000)
    assert model(device="a100", values=values).step_s(64, 2000) > base.step_s(64, 2000)
    assert model(bits="fp8", values=values).step_s(1, 100) < base.step_s(1, 100)
    large, split = (
        model("llama-3.1-70b", values=values),
        model("llama-3.1-70b", tp=4, values=values),
    )
    assert split.step_s(32, 2000) < large.step_s(32, 2000)


def test_tables_hold_what_single_steps_cost() -> None:
    one = model("mixtral-8x7b", tp=2, values=Efficiencies())
    cost = one.cost(512, 64)
    alone = one.step_s(40, 900.0)
    parts = cost.base_s + 40 * cost.seq_s + cost.tokens_s[40] + cost.head_s[40]
    assert alone == pytest.approx(parts + 40 * 900 * cost.kv_s)


def test_what_fits_and_why_not() -> None:
    """70B in 16 bits is 131 GiB: on one H100 never, on two with hardly a cache, on four it fits."""
    one = model("llama-3.1-70b")
    assert weight_bytes(one) == pytest.approx(141e9, rel=0.01)
    refused = capacity(one, 8192, 256, 2000)
    assert not refused.fits
    assert "131" in refused.reason
    assert capacity(model("llama-3.1-70b", tp=2), 8192, 256, 2000).kv_tokens < 40_000
    fitting = capacity(model("llama-3.1-70b", tp=4), 8192, 256, 2000)
    assert fitting.kv_tokens > 400_000
    assert fitting.kv_tokens * fitting.kv_bytes_per_token < fitting.usable_bytes
    assert "KV cache" in fitting.refuses(10_000_000)


def test_a_share_of_what_is_left_holds_more_than_a_share_of_all() -> None:
    """vLLM keeps a tenth of 80 GB from use, TensorRT-LLM a tenth of what weights and activations leave."""
    model = StepModel(gpu("h100"), shape("llama-3.1-70b"), precision("fp8", shape("llama-3.1-70b")))
    of_all = capacity(model, 8192, 256, 1000)
    of_left = capacity(model, 8192, 256, 1000, of_what_is_left=True)
    taken = of_left.weight_bytes + of_left.working_bytes
    left = model.gpu.memory_bytes - taken
    assert of_left.usable_bytes - taken == pytest.approx(0.9 * left)
    assert of_left.kv_blocks > of_all.kv_blocks


def test_nothing_is_left_where_the_weights_are_too_large() -> None:
    model = StepModel(gpu("h100"), shape("llama-3.1-70b"), precision("", shape("llama-3.1-70b")))
    room = capacity(model, 8192, 256, 1000, of_what_is_left=True)
    assert not room.fits
    assert room.usable_bytes == model.gpu.memory_bytes


def test_mixtral_does_not_fit_an_a10g() -> None:
    assert not capacity(model("mixtral-8x7b", "a10g"), 2048, 256, 1000).fits
    assert not capacity(model("mixtral-8x7b", "a10g", "int4"), 2048, 256, 1000).fits


def test_heads_are_never_split_finer_than_one() -> None:
    four, eight = model("qwen3-30b-a3b", tp=4), model("qwen3-30b-a3b", tp=8)
    assert four.kv_bytes_per_token_layer == eight.kv_bytes_per_token_layer
    latent = model("deepseek-v3", tp=8, bits="fp8")
    assert latent.kv_bytes_per_token_layer == (512 + 64) * 2


def test_constants_are_a_dozen_bounded_and_nameless() -> None:
    assert len(Efficiencies.names()) <= 12
    for name in Efficiencies.names():
        low, high, prior = Efficiencies.bounds(name)
        assert low < prior < high
        assert low * 0.999 <= getattr(shipped(), name) <= high * 1.001
    assert provenance()["rows"] > 0


def test_an_empty_precision_is_the_models_own() -> None:
    assert precision("", shape("llama-3.1-8b")).name == "bf16"
    assert precision("", shape("gpt-oss-20b")).name == "mxfp4"
    assert precision("fp4", shape("llama-3.1-8b")).name == "nvfp4"
    assert precision("fp8", shape("llama-3.1-8b"), "fp8_e4m3").kv_bits == 8
    with pytest.raises(UsageError):
        precision("fp9", shape("llama-3.1-8b"))


def test_engine_defaults_go_by_memory() -> None:
    large, older, small = (engine("vllm", gpu(name)) for name in ("h100", "a100", "l4"))
    assert (large.max_num_seqs, large.max_num_batched_tokens) == (1024, 8192)
    assert (older.max_num_seqs, older.max_num_batched_tokens) == (256, 2048)
    assert small == older
    assert engine("vllm", gpu("b200")).max_num_batched_tokens == 16384
    assert engine("TensorRT-LLM", gpu("h100")).name == "trtllm"
    assert all(engine(name, gpu("h100")).client_wait_slots == 0 for name in ("vllm", "trtllm"))
    with pytest.raises(UsageError):
        engine("tgi9", gpu("h100"))


def test_a_model_by_another_name_is_the_same_model() -> None:
    one = model(values=Efficiencies())
    other = replace(one, shape=replace(one.shape, name="anything"))
    assert one.step_s(8, 100.0) == other.step_s(8, 100.0)


def test_chips_and_formats_stand_as_far_from_their_peaks_as_was_measured() -> None:
    """794.5 of 989.4 TFLOP/s in bf16 on an H100 are the standard; 1402.6 of 1978.9 in fp8 are less of it."""
    one = gpu("h100")
    assert one.product_flops("bf16") == one.flops("bf16")
    assert one.product_flops("fp8") / one.flops("fp8") == pytest.approx(0.883, abs=0.001)
    assert gpu("a100").product_flops("bf16") > gpu("a100").flops("bf16")
    assert gpu("a100").product_flops("fp8") == gpu("a100").product_flops("bf16")
    assert gpu("mi300x").reach < 0.7
    assert (gpu("l4").reach, gpu("l4").reach_narrow) == pytest.approx((1.0, 0.883), abs=0.001)


def test_experts_compute_the_empty_rows_of_their_tiles() -> None:
    """Half of a tile of 8 rows is padding for each expert of one token; of a million tokens, none."""
    few, many = experts.rows(np.array([1.0, 2.0**20]), 128, 4)
    assert few == pytest.approx(4 + 4 * 3.5)
    assert many == pytest.approx(2**22, rel=0.001)
    assert experts.touched(np.array([0.0, 3.0]), 8, 8).tolist() == [0, 8]


def test_four_bit_experts_run_an_earlier_kernel_on_hopper_alone() -> None:
    four = precision("fp4", shape("gpt-oss-20b"))
    assert experts.pipeline(gpu("h100"), four) == pytest.approx(2 / 3)
    assert experts.pipeline(gpu("a100"), four) == 1.0
    assert experts.pipeline(gpu("h100"), precision("fp8", shape("mixtral-8x7b"))) == 1.0
