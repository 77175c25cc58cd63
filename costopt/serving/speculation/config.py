"""`--speculative-config` of vLLM for what was simulated.

Keys and methods: https://docs.vllm.ai/en/latest/features/speculative_decoding/ (its page on dynamic
speculation has the schedule; 0 means no draft) and vLLM config/speculative.py, checked 2026-11-25.
"""

from __future__ import annotations

from collections.abc import Sequence

from costopt.errors import UsageError
from costopt.serving.speculation.lookup import Settings
from costopt.serving.speculation.methods import Drafter, method
from costopt.serving.speculation.ngram import NGram

Value = str | int | float | list[list[int]]


def model_config(
    name: str,
    draft_tokens: int,
    draft: str = "",
    schedule: Sequence[tuple[int, int, int]] = (),
) -> dict[str, Value]:
    """Of a method with a drafter; `schedule` as `load.schedule` gives it, for drafts that end under load."""
    one = method(name)
    if one.drafter is Drafter.LOOKUP:
        raise UsageError(f"`{name}` drafts from text.", hint="Use lookup_config with its settings.")
    if not one.vllm:
        raise UsageError(
            f"vLLM has no method `{name}` any more.", hint="Take eagle3 or a draft model."
        )
    if one.drafter in (Drafter.MODEL, Drafter.HEAD) and not draft:
        raise UsageError(f"`{name}` needs {one.needs}.", hint="Name it.")
    most = max([draft_tokens, *(row[2] for row in schedule)])
    config: dict[str, Value] = {"method": one.vllm, "num_speculative_tokens": most}
    if draft and one.drafter is not Drafter.LAYER:
        config["model"] = draft
    if schedule:
        config["num_speculative_tokens_per_batch_size"] = [list(row) for row in schedule]
    return config


def lookup_config(settings: Settings) -> dict[str, Value]:
    """Of prompt look-up and suffix decoding, with every setting that was simulated."""
    if isinstance(settings, NGram):
        return {
            "method": "ngram",
            "num_speculative_tokens": settings.draft_tokens,
            "prompt_lookup_max": settings.longest,
            "prompt_lookup_min": settings.shortest,
        }
    return {
        "method": "suffix",
        "num_speculative_tokens": settings.draft_tokens,
        "suffix_decoding_max_tree_depth": settings.tree_depth,
        "suffix_decoding_max_spec_factor": settings.spec_factor,
        "suffix_decoding_min_token_prob": settings.min_token_prob,
    }
