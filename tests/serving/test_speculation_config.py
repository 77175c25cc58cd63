"""The flag that starts what was simulated."""

from __future__ import annotations

import pytest

from costopt.errors import UsageError
from costopt.serving.speculation.config import lookup_config, model_config
from costopt.serving.speculation.ngram import NGram
from costopt.serving.speculation.suffix import Suffix


def test_a_draft_model_is_named_and_a_layer_of_the_target_is_not() -> None:
    assert model_config("draft_model", 5, "meta-llama/Llama-3.2-3B-Instruct") == {
        "method": "draft_model",
        "num_speculative_tokens": 5,
        "model": "meta-llama/Llama-3.2-3B-Instruct",
    }
    assert model_config("mtp", 1, "its own") == {"method": "mtp", "num_speculative_tokens": 1}


def test_a_schedule_ends_drafting_under_load() -> None:
    made = model_config("eagle3", 3, "head", [(1, 32, 3), (33, 256, 0)])
    assert made["num_speculative_tokens_per_batch_size"] == [[1, 32, 3], [33, 256, 0]]


def test_look_up_carries_every_setting() -> None:
    assert lookup_config(NGram(3, 5, 2)) == {
        "method": "ngram",
        "num_speculative_tokens": 3,
        "prompt_lookup_max": 5,
        "prompt_lookup_min": 2,
    }
    made = lookup_config(Suffix(16))
    assert made["num_speculative_tokens"] == 16 and made["suffix_decoding_max_tree_depth"] == 24


@pytest.mark.parametrize(("name", "draft"), [("ngram", ""), ("medusa", "heads"), ("eagle3", "")])
def test_what_vllm_cannot_start_is_refused(name: str, draft: str) -> None:
    with pytest.raises(UsageError):
        model_config(name, 3, draft)
