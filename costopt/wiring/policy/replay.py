"""The `replay:` section of a policy: where and how its projection would be proven."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a whole address, http://127.0.0.1:8000/v1")
    if parts.username or parts.password:
        raise ValueError("no secret belongs into a policy; name its variable in `api_key_env`")
    return url


class Replay(BaseModel):
    """Endpoint, sample and budget of `costopt replay`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    base_url: Annotated[str, AfterValidator(_endpoint)] | None = None
    """OpenAI-compatible endpoint; none: the recorded answers, offline."""
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Name of the environment variable that holds the key."""
    budget_usd: Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None
    """Most dollars that a replay may spend, at its worst case."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 8
    """Requests under way at once."""
    model_map: dict[str, str] = Field(default_factory=dict)
    """Models of the log to the endpoint's names for them."""
    sample: Annotated[int, Field(ge=1)] | None = None
    """Calls to replay; none: as many as the budget allows."""
