"""The command of what was simulated: explicit, current, and safe in a shell."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.errors import UsageError
from costopt.serving.arrivals import Arrivals
from costopt.serving.commands import launch
from costopt.serving.fleet.replica import Replica, replica
from costopt.serving.models import shape
from costopt.serving.speculation.config import lookup_config, model_config
from costopt.serving.speculation.ngram import NGram

LLAMA = "meta-llama/Llama-3.1-70B-Instruct"
ONE = np.ones(1, np.int64)
ARRIVALS = Arrivals(np.zeros(1), 4000 * ONE, 96 * ONE, 0 * ONE, 60.0)


def llama(precision_name: str = "", kv_cache: str = "auto") -> Replica:
    return replica(
        shape("llama-3.1-70b"), "h100", ARRIVALS, precision_name=precision_name, kv_cache=kv_cache,
        tensor_parallel=2,
    )  # fmt: skip


def option(words: tuple[str, ...], name: str) -> str:
    return words[words.index(name) + 1]


def test_vllm_word_by_word() -> None:
    found = launch("vllm", LLAMA, llama("fp8", "fp8"), 4096)
    assert found.shell().split(" \\\n  ") == [
        "vllm serve meta-llama/Llama-3.1-70B-Instruct",
        "--tensor-parallel-size 2",
        "--max-model-len 4096",
        "--max-num-seqs 1024",
        "--max-num-batched-tokens 8192",
        "--gpu-memory-utilization 0.92",
        "--kv-cache-dtype fp8",
        "--quantization fp8",
        "--enable-prefix-caching",
        "--enable-prompt-tokens-details",
    ]
    assert found.notes == ()


def test_vllm_reads_its_drafting_as_json() -> None:
    drafts = model_config("draft_model", 4, "meta-llama/Llama-3.2-3B-Instruct")
    found = launch("vllm", LLAMA, llama(), 4096, drafts)
    assert json.loads(option(found.words, "--speculative-config")) == {
        "method": "draft_model", "model": "meta-llama/Llama-3.2-3B-Instruct",
        "num_speculative_tokens": 4,
    }  # fmt: skip
    for gone in ("--speculative-model", "--num-speculative-tokens"):
        assert gone not in found.words


def test_a_prefix_cache_that_was_off_is_switched_off() -> None:
    one = llama()
    off = replace(one, engine=replace(one.engine, prefix_caching=False))
    assert "--no-enable-prefix-caching" in launch("vllm", LLAMA, off, 4096).words
    assert "--disable-radix-cache" in launch("sglang", LLAMA, off, 4096).words
    assert launch("tgi", LLAMA, off, 4096).env == {"PREFIX_CACHING": "0"}
    assert not launch("tgi", LLAMA, one, 4096).env


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tgi"])
def test_formats_that_need_their_own_checkpoint_are_said(engine: str) -> None:
    found = launch(engine, LLAMA, llama("int4"), 4096)
    assert any("AWQ or GPTQ checkpoint" in note for note in found.notes)
    assert not {"--quantization", "--quantize"} & {*found.words}
    assert option(launch(engine, LLAMA, llama("bf16"), 4096).words, "--dtype") == "bfloat16"


def test_sglang_counts_the_verified_token_too() -> None:
    drafts = model_config("eagle3", 3, "yuhuili/EAGLE3-LLaMA3.1-Instruct-8B")
    words = launch("sglang", LLAMA, llama(), 4096, drafts).words
    assert option(words, "--speculative-algorithm") == "EAGLE3"
    assert option(words, "--speculative-num-steps") == "3"
    assert option(words, "--speculative-num-draft-tokens") == "4"
    assert option(words, "--max-total-tokens") == str(llama().room.kv_tokens)


def test_what_an_engine_cannot_do_is_a_note() -> None:
    suffix = {"method": "suffix", "num_speculative_tokens": 16}
    for engine in ("sglang", "tgi", "ollama"):
        found = launch(engine, LLAMA, llama(), 4096, suffix)
        assert any("no `suffix` drafting" in note for note in found.notes), engine
        assert not any("specul" in word for word in found.words)


def test_tgi_looks_prompts_up() -> None:
    words = launch("tgi", LLAMA, llama(), 4096, lookup_config(NGram(3))).words
    assert option(words, "--speculate") == "3"
    assert option(words, "--num-shard") == "2"


def test_tgi_has_no_32_bit_weights() -> None:
    found = launch("tgi", LLAMA, replica(
        shape("llama-3.1-8b"), "h100", ARRIVALS, precision_name="fp32"
    ), 4096)  # fmt: skip
    assert "--dtype" not in found.words
    assert any("float16 or bfloat16 only" in note for note in found.notes)


def test_ollama_writes_a_modelfile_and_says_what_it_is_not() -> None:
    drafts = model_config("draft_model", 4, "llama3.2:3b")
    found = launch("ollama", "llama3.1:70b", llama(), 4096, drafts)
    assert found.modelfile == (
        "FROM llama3.1:70b\nDRAFT llama3.2:3b\nPARAMETER num_ctx 4096\n"
        "PARAMETER draft_num_predict 4\n"
    )
    slots = int(found.env["OLLAMA_NUM_PARALLEL"])
    assert slots * 4096 <= llama().room.kv_tokens < (slots + 1) * 4096
    assert found.shell().endswith("ollama serve")
    assert any("upper bound" in note for note in found.notes)
    assert any("DRAFT reads a local file" in note for note in found.notes)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1), st.sampled_from(["vllm", "sglang", "tgi", "ollama"]))
def test_no_name_escapes_its_word(name: str, engine: str) -> None:
    try:
        found = launch(engine, name, llama(), 4096)
    except UsageError:
        assert name.startswith("-") or not name.isprintable() or not name.strip()
        return
    env = [f"{key}={value}" for key, value in found.env.items()]
    assert shlex.split(found.shell().replace("\\\n", "")) == [*env, *found.words]
    assert found.modelfile.count("\n") in (0, 2)


@pytest.mark.parametrize("name", ["", " ", "-rf", "a\nFROM b", "--trust-remote-code"])
def test_names_that_are_no_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no model's name"):
        launch("vllm", name, llama(), 4096)
    if name:
        with pytest.raises(UsageError):
            launch("vllm", LLAMA, llama(), 4096, {"method": "eagle", "model": name.strip() or "-"})


def test_an_engine_without_a_command() -> None:
    with pytest.raises(UsageError, match="Did you mean `vllm`"):
        launch("vlm", LLAMA, llama(), 4096)
