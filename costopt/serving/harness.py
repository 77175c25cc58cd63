"""How a benchmark's client drove an operating point, and with which flags it started its server.

TTFT of a closed loop hangs on this more than on the model: requests of exactly one length march in step
and meet each other's prompts wave after wave, while lengths that vary scatter. Named terms of published
collections, by their own scripts; off for users, whose rows say nothing of a client.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from costopt.errors import UsageError, nearest
from costopt.serving.core.terms import Workload
from costopt.serving.engines import Engine


@dataclass(frozen=True, slots=True)
class Harness:
    """A closed loop of `waves` requests per request in flight, its means with the burst it begins with."""

    name: str
    shortest: float
    """Prompts and answers are drawn evenly between this share of the nominal length ..."""
    longest: float
    """... and this one."""
    waves: int = 10
    seats: bool = False
    """The server was started with `--max-num-seqs` equal to the requests in flight."""
    beyond_prompt: int = 0
    """It was started with `--max-num-batched-tokens` of one prompt, one token per sequence and so many
    more; 0: the engine's default."""
    vllm_tokens: int = 0
    """Its `--max-num-batched-tokens` of vLLM; 0: the engine's default."""
    uncached: bool = False
    """It was started without prefix caching."""
    vllm_memory: float = 0.0
    """Its `--gpu-memory-utilization` of vLLM, or the default of that time; 0: today's."""
    source: str = ""

    def load(self, input_tokens: int, output_tokens: int, concurrency: int) -> Workload:
        """The requests, `concurrency` of them in flight."""
        n = max(concurrency * self.waves, 1)
        factors = np.random.default_rng(0).uniform(self.shortest, self.longest, (2, n))
        sizes = np.array([[input_tokens], [output_tokens]]) * factors
        prompt, output = np.maximum(np.rint(sizes), 1).astype(np.int64)
        return Workload(np.zeros(0), prompt, output, max(concurrency, 1))

    def started(self, one: Engine, input_tokens: int, concurrency: int) -> Engine:
        """The engine with the flags of this harness."""
        if self.seats:
            one = replace(one, max_num_seqs=concurrency)
        if self.beyond_prompt:
            budget = input_tokens + concurrency + self.beyond_prompt
            one = replace(one, max_num_batched_tokens=budget)
        if self.uncached:
            one = replace(one, prefix_caching=False)
        return self._vllm(one) if one.name == "vllm" else one

    def _vllm(self, one: Engine) -> Engine:
        """The flags that only vLLM has."""
        if self.vllm_tokens:
            one = replace(one, max_num_batched_tokens=self.vllm_tokens)
        if self.vllm_memory:
            one = replace(one, gpu_memory_utilization=self.vllm_memory)
        return one


PLAIN = Harness("", 0.9, 1.0)
"""For users, whose rows say nothing of a client: half-way between the two that are documented below, one
with lengths that are all alike and one that draws 80 to 100 % of them. A nominal length is the most there
is: answers end by themselves. Ten waves are the usual length of a benchmark (`num_prompts` ten times
`max_concurrency`)."""

INFERENCEX = Harness(
    "inferencex", 0.8, 1.0, seats=True, vllm_tokens=8192, uncached=True, vllm_memory=0.9,
    source="https://github.com/SemiAnalysisAI/InferenceX, benchmarks/gptoss_fp4_h100.sh and "
    "70b_fp8_h100_slurm.sh (--num-prompts 10 x CONC, --max-num-seqs CONC, no-enable-prefix-caching, "
    "--random-range-ratio from the environment; 0.8, --max-num-batched-tokens 8192 and "
    "--gpu-memory-utilization 0.9 in the README of https://github.com/jyothisambolu/InferenceMAX, a copy of "
    "its first state), read 2026-11-25",
)  # fmt: skip

AICONFIGURATOR = Harness(
    "aiconfigurator", 1.0, 1.0, beyond_prompt=1500, vllm_memory=0.9,
    source="https://github.com/ai-dynamo/aiconfigurator, eval/benchmarks/genai_perf_runner.py (lengths "
    "with a deviation of 0, 10 x concurrency requests) and generator/rule_plugin (max_num_tokens = "
    "max_batch_size + isl + 1500; the batch is taken to be the concurrency), read 2026-11-25; "
    "0.9 of the memory was vLLM's default until 2026",
)  # fmt: skip

KNOWN = {one.name: one for one in (PLAIN, INFERENCEX, AICONFIGURATOR)}


def harness(name: str) -> Harness:
    """By name; empty: a user's."""
    asked = name.strip().lower()
    if asked not in KNOWN:
        known = sorted(one for one in KNOWN if one)
        hint = nearest(asked, known) or f"Known: {', '.join(known)}."
        raise UsageError(f"No harness is called `{name}`.", hint=hint)
    return KNOWN[asked]
