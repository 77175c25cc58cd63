"""What a replay is asked to do: endpoint, sample, money. From the command line and `replay:` of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_CAP_TOKENS = 4096
"""Output cap of a request that sets none and whose log answered with less: the worst case needs a bound.
Above the longest answer of nearly every chat model's default (OpenAI's older models: 4,096 at most,
https://platform.openai.com/docs/models, checked 2026-11-25)."""


@dataclass(frozen=True)
class Terms:
    """The wishes behind a plan."""

    sample: int | None = None
    """Calls to replay; None: the largest number that the budget allows."""
    target_ci_pp: float | None = None
    """Half width of the agreement's interval, percentage points, that sizes the sample."""
    budget_pusd: int | None = None
    """Most that the run may spend, at its worst case; None: no bound was given."""
    concurrency: int = 8
    model_map: Mapping[str, str] = field(default_factory=dict)
    """Models of the log or the policy to the endpoint's names."""
    cap_tokens: int | None = None
    """Output cap for every request; None: the call's own, else twice its recorded answer and at least
    256, at most `DEFAULT_CAP_TOKENS`."""
    cold: bool = False
    """Send in an order that lets no request find an earlier one's prefix warm."""
    noise_share: float = 0.25
    """Of the sampled calls, how many are also sent unchanged to measure the noise floor (at least 20,
    where there are so many)."""
    seed: int = 0
    retry_in_doubt: bool = False
    isolate: bool = True
    """Send a layer alone where no sampled row has it as its only risk."""
    batch: bool = True
    """Send a few lines through the provider's batch API where the policy batches and the endpoint can."""
    judge: str = ""
    """Model that judges pairs of answers; empty: none."""
