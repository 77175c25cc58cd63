"""Claim: speculative decoding is 2 to 3 times faster; Llama 3.2 3B drafting for 3.1 70B gains 40 to 60 %."""

from __future__ import annotations

from study.words import Figures, Headline, table

PUBLISHED = (
    ("Llama 3.1 8B, EAGLE-3 head, one H100, one request at a time", "158.34 to 373.25 tokens/s: 2.36x",
     "https://docs.sglang.io/advanced_features/speculative_decoding.html"),
    ("the same method at a batch of 64", "1.38x the throughput", "https://arxiv.org/abs/2503.01840"),
    ("Llama 3.3 70B with a small Llama as draft, one H200", "51.14 to 181.74 tokens/s: 3.55x",
     "https://developer.nvidia.com/blog/boost-llama-3-3-70b-inference-throughput-3x-with-nvidia-"
     "tensorrt-llm-speculative-decoding/"),
)  # fmt: skip
"""What others measured (checked 2026-11-25). Nothing here was run."""
COMMANDS = (
    "vllm serve meta-llama/Llama-3.1-70B-Instruct --tensor-parallel-size 4 --speculative-config "
    '\'{"method": "draft_model", "model": "meta-llama/Llama-3.2-3B-Instruct", '
    '"num_speculative_tokens": 4}\'',
    "vllm bench serve --model meta-llama/Llama-3.1-70B-Instruct --request-rate 1   "
    "# then 4, 16, 64; and all of it again without --speculative-config",
)


def told(logs: Figures) -> list[str]:
    calls = sum(f["calls"] for f in logs.values())
    return [
        f"On the bill of these logs: $0. All {calls:,} calls went to an API that charges for tokens, and the "
        "same tokens come out, sooner. On GPUs of your own it is `not measurable here`: the logs say nothing "
        "of a GPU. What would measure it, at the load that you really have:", "",
        "```", *COMMANDS, "```", "", "Published by others, not measured here:", "",
        *table(("what", "gain", "source"), PUBLISHED),
    ]  # fmt: skip


def headline(logs: Figures) -> Headline:
    return Headline(
        "Speculative decoding: 2 to 3 times; a 3B drafting for a 70B gains 40 to 60 %",
        "$0 of an API's bill; on own GPUs `not measurable here`. Published: 2.36 times alone, 1.38 times at "
        "a batch of 64", "a matter of latency at low load, not of these bills",
    )  # fmt: skip
