"""GPUs and models as data: sources on every row, and shapes whose parameters add up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costopt.errors import InputError, UsageError
from costopt.serving.hardware import gpu, gpus
from costopt.serving.model_config import shape_from_config, shape_of
from costopt.serving.models import published, shape, shapes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "self-hosting.md"
MODELS = sorted({one.name for one in shapes().values()})
GPUS = sorted({one.name for one in gpus().values()})


def data(kind: str) -> list[dict[str, Any]]:
    """The rows of a data file."""
    file = ROOT / "costopt" / "serving" / "data" / f"{kind}.json"
    found: list[dict[str, Any]] = json.loads(file.read_text())[kind]
    return found


@pytest.mark.parametrize("name", MODELS)
def test_the_parameters_of_a_shape_are_those_that_were_published(name: str) -> None:
    row = published(name)
    if row["published_params"] is not None:  # of some only a round number is known
        assert shape(name).params == pytest.approx(row["published_params"], rel=5e-4)
    else:
        assert row["confirmed"], "neither read again nor held against a total"
    assert row["source"].startswith("https://")
    assert isinstance(row["confirmed"], bool)
    if row["confirmed"]:
        assert row["checked"] >= "2026-11-25"
        assert row["read_at"].startswith("https://")


@pytest.mark.parametrize("name", GPUS)
def test_a_gpu_has_dense_peaks_and_a_source(name: str) -> None:
    one = gpu(name)
    assert one.source.startswith("https://")
    assert isinstance(one.confirmed, bool)
    row = next(row for row in data("gpus") if row["name"] == name)
    if one.confirmed:
        assert row["checked"] >= "2026-11-25"
        assert row["read_at"].startswith("https://")
    for precision in ("fp8", "int8"):
        if precision in one.dense_flops:
            assert one.flops(precision) / one.flops("bf16") == pytest.approx(2, rel=0.03) or (
                name == "rtx_4090"  # GeForce halves the rate of FP32 accumulation, not of integers
            )
    assert 20e9 < one.memory_bytes < 310e9
    assert 0.2e12 < one.memory_bytes_per_s < 9e12


@pytest.mark.parametrize("kind", ["gpus", "models"])
def test_the_page_counts_what_was_read_again(kind: str) -> None:
    rows = data(kind)
    confirmed = sum(row["confirmed"] for row in rows)
    page = PAGE.read_text()
    assert f"{confirmed} of {len(rows)} {'GPUs' if kind == 'gpus' else kind}" in page
    if kind == "models":
        assert f"Of {sum(row['published_params'] is not None for row in rows)} models" in page


def test_a_precision_that_a_chip_lacks_is_computed_in_bf16() -> None:
    assert gpu("a100_sxm").flops("fp8") == gpu("a100_sxm").flops("bf16")
    assert gpu("h100_sxm").flops("fp4") == gpu("h100_sxm").flops("bf16")
    assert gpu("b200").flops("fp4") == 2 * gpu("b200").flops("fp8")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("h100", "h100_sxm"),
        ("H100-SXM", "h100_sxm"),
        ("a100_80gb", "a100_sxm"),
        ("RTX 4090", "rtx_4090"),
    ],
)
def test_gpus_go_by_their_usual_names(asked: str, found: str) -> None:
    assert gpu(asked).name == found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("meta-llama/Llama-3.1-70B", "llama-3.1-70b"),
        ("meta-llama/Meta-Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b"),
        ("Qwen/Qwen3-235B-A22B-FP8", "qwen3-235b-a22b"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b-2507"),  # longer context
        ("mistralai/Mistral-Small-Instruct-2409", "codestral-22b"),  # not the 24B of later years
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama-4-scout"),
        ("Qwen/Qwen2.5-Coder-32B-Instruct-AWQ", "qwen2.5-32b"),
        ("deepseek-ai/DeepSeek-V3-0324", "deepseek-v3"),
        ("google/gemma-3-27b-it", "gemma-3-27b"),
        ("zai-org/GLM-5.1-FP8", "glm-5"),
        ("Qwen/Qwen3-VL-32B-Thinking", "qwen3-vl-32b"),
        ("moonshotai/Kimi-K2.6", "kimi-k2.6"),
    ],
)
def test_models_go_by_their_usual_names(asked: str, found: str) -> None:
    assert shape(asked).name == found


@pytest.mark.parametrize(
    ("name", "billions", "active"),
    [("glm-5", 744, 40), ("minimax-m3", 428, 23), ("deepseek-v3.2", 671, 37), ("glm-4.5", 355, 32)],
)
def test_shapes_come_near_the_rounded_totals_of_their_makers(
    name: str, billions: float, active: float
) -> None:
    """As public texts quote them; some count the embedding or the head as active and some do not."""
    assert shape(name).params / 1e9 == pytest.approx(billions, rel=0.012)
    assert shape(name).active_params / 1e9 == pytest.approx(active, rel=0.08)


def test_unknown_names_say_what_to_type() -> None:
    with pytest.raises(UsageError) as refused:
        gpu("h10")
    assert "h100" in refused.value.hint
    with pytest.raises(UsageError) as refused:
        shape("acme/secret-70b")
    assert "config.json" in refused.value.hint


def test_any_config_json_gives_a_shape(tmp_path: Path) -> None:
    config = {
        "num_hidden_layers": 36, "hidden_size": 2880, "num_attention_heads": 64,
        "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880, "vocab_size": 201088,
        "num_local_experts": 128, "num_experts_per_tok": 4, "sliding_window": 128,
        "layer_types": ["sliding_attention", "full_attention"] * 18,
        "quantization_config": {"quant_method": "mxfp4"}, "max_position_embeddings": 131072,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    read = shape_from_config(tmp_path)
    known = shape("gpt-oss-120b")
    assert (read.params, read.window_layers, read.native) == (known.params, 18, "mxfp4")


def test_a_latent_attention_config_and_a_multimodal_one(tmp_path: Path) -> None:
    config = {
        "num_hidden_layers": 61, "hidden_size": 7168, "num_attention_heads": 128,
        "num_key_value_heads": 128, "intermediate_size": 18432, "vocab_size": 129280,
        "n_routed_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 2048,
        "n_shared_experts": 1, "first_k_dense_replace": 3, "q_lora_rank": 1536,
        "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
    }  # fmt: skip
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"model_type": "some_vl", "text_config": config}))
    assert shape_from_config(file).params == shape("deepseek-v3").params
    file.write_text("[1]")
    with pytest.raises(InputError):
        shape_from_config(file)
    file.write_text('{"hidden_size": 4096}')
    with pytest.raises(InputError, match="num_hidden_layers"):
        shape_from_config(file)


def config(**own: object) -> dict[str, object]:
    """A config.json of 48 ordinary layers, with keys of one's own."""
    return {
        "num_hidden_layers": 48, "hidden_size": 5120, "num_attention_heads": 40,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 202048, "intermediate_size": 8192,
        **own,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "step", "experts"), [("scout", 1, 16), ("maverick", 2, 128)])
def test_mixtures_in_every_other_layer_with_a_shared_expert(
    name: str, step: int, experts: int
) -> None:
    read = shape_of(
        config(
            model_type="llama4_text", num_local_experts=experts, num_experts_per_tok=1,
            interleave_moe_layer_step=step, intermediate_size_mlp=16384, attention_chunk_size=8192,
            max_position_embeddings=shape(f"llama-4-{name}").max_context,
        ),
        f"llama-4-{name}",
    )  # fmt: skip
    assert read == shape(f"llama-4-{name}")


@pytest.mark.parametrize(
    ("own", "dense"),
    [
        ({"moe_layer_freq": [0, 0, 0] + [1] * 45}, 3),
        ({"moe_layer_freq": 1, "first_k_dense_replace": 2}, 2),
        ({"mlp_only_layers": [0, 47]}, 2),
        ({"mlp_only_layers": [], "decoder_sparse_step": 1}, 0),
        ({"moe_layers": [1, 3]}, 46),
    ],
)
def test_which_layers_are_mixtures(own: dict[str, object], dense: int) -> None:
    read = shape_of(config(num_experts=8, num_experts_per_tok=2, **own), "x")
    assert (read.dense_layers, read.moe_layers) == (dense, 48 - dense)
    assert shape_of(config(**own), "x").moe_layers == 0


def test_a_shared_expert_counts_in_the_width_of_the_others() -> None:
    own = {"num_experts": 60, "moe_intermediate_size": 1408, "num_experts_per_tok": 4}
    read = shape_of(config(**own, shared_expert_intermediate_size=5632), "x")
    assert (read.shared_experts, read.moe_intermediate, read.intermediate) == (4, 1408, 8192)
    assert shape_of(config(**own, dense_intermediate_size=12288), "x").intermediate == 12288


@pytest.mark.parametrize(
    ("own", "near"),
    [
        ({"sliding_window": 4096}, 48),
        ({"sliding_window": 4096, "use_sliding_window": False}, 0),
        ({"sliding_window": None}, 0),
        ({"sliding_window": 4096, "model_type": "gemma2"}, 24),
        ({"sliding_window": 1024, "model_type": "gemma3_text"}, 40),
        ({"sliding_window": 1024, "sliding_window_pattern": 4}, 36),
        ({"sliding_window": 512, "layer_types": ["full_attention"] * 48}, 0),
        ({"attention_chunk_size": 8192, "layer_types": ["chunked_attention"] * 48}, 48),
    ],
)
def test_how_many_layers_look_back_only_so_far(own: dict[str, object], near: int) -> None:
    assert shape_of(config(**own), "x").window_layers == near


@pytest.mark.parametrize(
    ("own", "what"),
    [
        ({"layer_types": ["linear_attention", "full_attention"] * 24}, "linear attention"),
        ({"hybrid_override_pattern": "M-M*", "ssm_state_size": 128}, "Mamba layers"),
        ({"layers_block_type": ["mamba"], "num_hidden_layers": None}, "Mamba layers"),
        ({"block_configs": [{"ffn": {"no_op": True}}]}, "different widths"),
        ({"attn_type_list": [0, 1]}, "linear attention"),
        ({"global_head_dim": 512}, "two shapes"),
    ],
)
def test_layers_that_a_shape_cannot_hold_are_refused(own: dict[str, object], what: str) -> None:
    """Read as ordinary ones, a hybrid of 30 billion parameters came out as 102."""
    with pytest.raises(InputError, match=what):
        shape_of(config(**own), "x")


def test_all_layers_of_one_kind_are_not_refused() -> None:
    kinds = ["deepseek_sparse_attention"] * 48
    assert shape_of(config(layer_types=kinds, attn_type_list=[1] * 48), "x").window_layers == 0


def test_cards_on_pcie_share_the_bridges_of_their_server() -> None:
    """As other cards on PCIe were measured; an NVLink is each GPU's own.

    Eight L40S that NVIDIA serves Llama 3.1 70B on pass 2 x 1,382 tokens/s (128 in, 128 out): 161 all-reduces
    of 16 KiB a token, 7/4 of that over each card's link.
    """
    l40s, l4, h100 = gpu("l40s"), gpu("l4"), gpu("h100")
    assert l4.ring(4, 0.9) == pytest.approx(0.41 * l4.link_bytes_per_s)
    assert l4.ring(2, 0.9) > l4.ring(4, 0.9) > l4.ring(8, 0.9)
    published = 2 * 1382 * 161 * 16384 * 7 / 4
    assert l40s.ring(8, 0.9) == pytest.approx(published, rel=0.05)
    assert {h100.ring(n, 0.9) for n in (2, 4, 8)} == {0.9 * h100.link_bytes_per_s}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("H100-SXM", "h100_sxm"), ("NVIDIA H100 80GB HBM3", "h100_sxm"), ("H100 PCIe", "h100_pcie"),
        ("NVIDIA H100 NVL", "h100_nvl"), ("NVIDIA A100-SXM4-80GB", "a100_sxm"),
        ("A100 80GB SXM", "a100_sxm"), ("NVIDIA A100-SXM4-40GB", "a100_sxm_40"),
        ("NVIDIA A100 80GB PCIe", "a100_pcie"), ("A100-PCIE-40GB", "a100_pcie_40"),
        ("NVIDIA L40S", "l40s"), ("A10G-24GB", "a10g"), ("NVIDIA GeForce RTX 4090", "rtx_4090"),
        ("AMD Instinct MI300X OAM", "mi300x"), ("h200-141gb", "h200_sxm"), ("NVIDIA B200", "b200"),
        ("nvidia_l4", "l4"), ("b300", "b300_sxm"), ("GB200 NVL72", "gb200"),
    ],
)  # fmt: skip
def test_a_gpu_is_known_as_drivers_and_shops_write_it(written: str, name: str) -> None:
    assert gpu(written).name == name


@pytest.mark.parametrize("written", ["", "NVIDIA", "80GB", "A100 64GB PCIe SXM", "L40", "RTX 40"])
def test_a_name_of_no_gpu_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="No GPU"):
        gpu(written)


def test_memory_streams_at_what_was_measured_in_proportion_to_an_h100() -> None:
    """The same test on all: an MI300X comes to 77 % of its sheet, an H100 to 89 %; unknown is as an H100."""
    assert gpu("h100").streamed_bytes_per_s == 3.35e12
    assert gpu("mi300x").reach_memory == pytest.approx((4.09 / 5.3) / (2.97 / 3.35))
    assert gpu("a100").reach_memory < gpu("h200").reach_memory < 1
    assert gpu("l4").streamed_bytes_per_s == gpu("l4").memory_bytes_per_s


def test_a_ring_between_two_measured_lies_between_them() -> None:
    """Four MI300X have three of the seven links of 64 GB/s, at about 70 % as two and eight of them."""
    mesh = gpu("mi300x")
    assert [mesh.ring(n, 0.9) for n in (2, 8)] == [47.7e9, 312.9e9]
    assert mesh.ring(4, 0.9) == pytest.approx(3 * 64e9 * 0.71, rel=0.01)
    assert mesh.ring(16, 0.9) == 0.9 * mesh.link_bytes_per_s


GROUPS = {
    "a": {"weights": {"num_bits": 8, "type": "float"}},
    "b": {"weights": {"num_bits": 4, "type": "float"}},
}


@pytest.mark.parametrize(
    ("said", "precision"),
    [
        (None, "bf16"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"quant_method": "gptq", "bits": 4}, "int4"),
        ({"quant_method": "awq", "bits": 8}, "int8"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4", "config_groups": GROUPS}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "config_groups": GROUPS}, "nvfp4"),
        ({"quant_method": "compressed-tensors", "config_groups": {"a": GROUPS["a"]}}, "fp8"),
        ({"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized"}, "mxfp4"),
        ({"quant_method": "compressed-tensors", "config_groups": {"a": {}}}, "bf16"),
        ({"quant_method": "modelopt", "config_groups": [1]}, "bf16"),
    ],
)  # fmt: skip
def test_the_precision_that_weights_are_published_in(said: object, precision: str) -> None:
    assert shape_of(config(quantization_config=said), "x").native == precision


def test_a_file_beside_says_what_an_older_checkpoint_does_not(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config()))
    assert shape_from_config(tmp_path).native == "bf16"
    beside = tmp_path / "hf_quant_config.json"
    for written, precision in (
        ('{"quantization": {"quant_algo": "FP8"}}', "fp8"),
        ('{"quantization": {"quant_algo": "NVFP4"}}', "nvfp4"),
        ("not json", "bf16"),
        ("[1]", "bf16"),
    ):
        beside.write_text(written)
        assert shape_from_config(tmp_path).native == precision
