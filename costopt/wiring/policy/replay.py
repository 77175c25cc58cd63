"""The `replay:` section of a policy: where and how its projection would be proven."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def address(url: str) -> str:
    """A whole address without a secret in it. ValueError says what is wrong."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a whole address, http://127.0.0.1:8000/v1")
    if parts.username or parts.password:
        raise ValueError("no secret belongs into a policy; name its variable in `api_key_env`")
    return url


Address = Annotated[str, AfterValidator(address)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Api = Literal["openai", "anthropic"]


class Place(BaseModel):
    """One endpoint: for the calls of one provider, or for all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    base_url: Address
    """Where its requests go."""
    api_key_env: Variable | None = None
    """Name of the environment variable that holds the key."""
    api: Api | None = None
    """The language that it speaks; none: told by its host, else the provider's own."""
    batch: bool | None = None
    """It has a batch API; none: only at the providers' own hosts."""


class Replay(BaseModel):
    """Endpoint, sample and budget of `costopt replay`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    base_url: Address | None = None
    """Endpoint for all calls; none: the recorded answers, offline."""
    api_key_env: Variable | None = None
    """Name of the environment variable that holds the key."""
    api: Api | None = None
    """The language that the endpoint speaks; none: told by its host, else openai."""
    batch: bool | None = None
    """It has a batch API; none: only at the providers' own hosts."""
    endpoints: dict[str, Place] = Field(default_factory=dict)
    """An endpoint for each provider of the log: openai: {base_url: ..., api_key_env: ...}; `self_host` is the
    server of the calls that this layer moves."""
    budget_usd: Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None
    """Most dollars that a replay may spend, at its worst case."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 8
    """Requests under way at once."""
    model_map: dict[str, str] = Field(default_factory=dict)
    """Models of the log to the endpoint's names for them."""
    sample: Annotated[int, Field(ge=1)] | None = None
    """Calls to replay; none: as many as the budget allows."""
    target_ci: Annotated[float, Field(gt=0, lt=50)] | None = None
    """Half width of the agreement's interval, in percentage points, that sizes the sample."""
    max_output_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Output cap of every request; none: its own, else one that its logged answer would fit in twice."""
    cold: bool = False
    """Let no request find an earlier one's prefix in the provider's cache."""
    judge: str = ""
    """Model that judges pairs of answers, in both orders; none: no judge. Its cost is charged."""
    embedder: str = "auto"
    """What compares the meaning of answers: auto, none, or a form that `semantic_cache` takes."""
