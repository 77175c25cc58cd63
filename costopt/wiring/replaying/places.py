"""Which address speaks for which provider, in which language, and which variable holds its key.

A key comes from the environment alone, and only to the address that it was named for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from costopt.endpoints.choose import APIS
from costopt.endpoints.connection import Connection
from costopt.errors import UsageError
from costopt.model.own_fleet import OWN_FLEET
from costopt.wiring.policy.replay import address
from costopt.wiring.replaying.wishes import Wishes

LIVE = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
"""The providers' own addresses (https://platform.openai.com/docs/api-reference,
https://docs.anthropic.com/en/api/overview, checked 2026-11-25)."""
KEYS = {"api.openai.com": "OPENAI_API_KEY", "api.anthropic.com": "ANTHROPIC_API_KEY"}
"""Host to the variable that its own tools read: a key goes to no other host unless it is named."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BATCHES = tuple(KEYS)
"""Hosts with a batch API of their own; elsewhere the user says so."""
RECORDED = "recorded"
"""As `--base-url`: no endpoint, whatever the policy says."""
SELF_HOST = "self_host"
"""In `endpoints:`, the server of the calls that the layer of that name moves."""
ALL = ""
"""Of a place: it serves every provider."""


@dataclass(frozen=True)
class Place:
    """One address that requests may go to."""

    provider: str
    """Of the log; empty: all of them."""
    base_url: str
    api: str
    """openai, anthropic; empty: told by its host."""
    variable: str
    """The environment variable that holds its key; empty: it needs none."""
    batch: bool = False
    """It has a batch API."""

    @property
    def host(self) -> str:
        """With its port: what people see."""
        return Connection(self.base_url).host

    @property
    def private(self) -> bool:
        """The user's own machine or network: a model without a price costs nothing there."""
        return Connection(self.base_url).is_local


def places_of(wishes: Wishes, section: Mapping[str, Any]) -> tuple[Place, ...]:
    """Where requests would go; empty: against the recorded answers. Raises UsageError."""
    _check(wishes)
    if wishes.live:
        return tuple(
            _place(p, {"base_url": url, "api": p, "batch": wishes.batch}) for p, url in LIVE.items()
        )
    if wishes.base_url == RECORDED:
        return ()
    if wishes.base_url is not None:
        asked: dict[str, Any] = {
            "base_url": _whole(wishes.base_url), "api": wishes.api or "", "batch": wishes.batch,
        }  # fmt: skip
        if wishes.api_key_env:
            asked["api_key_env"] = wishes.api_key_env
        elif wishes.base_url == section.get("base_url"):
            asked["api_key_env"] = section.get("api_key_env") or ""
            asked["batch"] = section.get("batch") if wishes.batch is None else wishes.batch
        return (_place(ALL, asked),)
    named: Mapping[str, Mapping[str, Any]] = section.get("endpoints") or {}
    found = [
        _place(_named(p), {**_filled(place), "api": place.get("api") or _own(p)} | _said(wishes))
        for p, place in named.items()
    ]
    if section.get("base_url"):
        own = {k: section.get(k) for k in ("base_url", "api", "api_key_env", "batch")}
        own["api"] = wishes.api or own["api"]
        own["api_key_env"] = wishes.api_key_env or own["api_key_env"]
        found.append(_place(ALL, own | _said(wishes)))
    return tuple(found)


def serving(places: Sequence[Place], providers: Iterable[str]) -> dict[str, Place]:
    """Provider of the log to the place that its calls go to. UsageError: there is none for one of them."""
    by_name = {p.provider: p for p in places}
    found = {p: by_name.get(p) or by_name.get(ALL) for p in sorted(set(providers))}
    missing = [p or "(no provider)" for p, place in found.items() if place is None]
    if missing:
        raise UsageError(
            f"no endpoint is named for the calls of {', '.join(missing)}.",
            hint="--where provider=openai leaves them out; `replay: {endpoints: ...}` of a policy names one.",
        )  # fmt: skip
    return {p: place for p, place in found.items() if place is not None}


def speaks_for(places: Sequence[Place]) -> tuple[str, ...] | None:
    """Providers of the log whose calls can go anywhere; None: all of them."""
    names = tuple(p.provider for p in places)
    return None if not names or ALL in names else names


def key_of(place: Place) -> str | None:
    """From the environment; None: it needs none. UsageError: the variable is not set."""
    if not place.variable:
        return None
    key = os.environ.get(place.variable, "").strip()
    if not key:
        raise UsageError(
            f"the key for {place.host} is missing: the environment variable {place.variable} is not"
            " set. Nothing was sent.",
            hint=f"export {place.variable}=...   or name another one: --api-key-env NAME",
        )  # fmt: skip
    return key


def _check(wishes: Wishes) -> None:
    other = "--base-url" if wishes.base_url is not None else "--api-key-env"
    if wishes.live and (wishes.base_url is not None or wishes.api_key_env is not None):
        raise UsageError(
            "one of them is enough.", where=f"--live, {other}",
            hint="--live sends to the providers' own addresses, with the keys that their own tools read.",
        )  # fmt: skip
    if wishes.api_key_env is not None and not VARIABLE.fullmatch(wishes.api_key_env):
        raise UsageError(
            "this is no name of an environment variable; give its name, never the key.",
            where="--api-key-env", hint="--api-key-env OPENAI_API_KEY",
        )  # fmt: skip
    if wishes.api is not None and wishes.api not in APIS:
        raise UsageError(
            f"`{wishes.api}` is no language that is spoken here.", where="--api",
            hint=f"One of: {', '.join(APIS)}.",
        )  # fmt: skip


def _whole(url: str) -> str:
    try:
        return address(url)
    except ValueError as error:
        text = str(error).replace("a policy", "an option").replace("`api_key_env`", "--api-key-env")
        raise UsageError(f"{text}.", where="--base-url") from error


def _filled(place: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in place.items() if v is not None}


def _said(wishes: Wishes) -> dict[str, bool]:
    """What the command line says of batch APIs outdoes the policy."""
    return {} if wishes.batch is None else {"batch": wishes.batch}


def _named(word: str) -> str:
    """The provider of a place: calls that the layer moves to its own fleet go to `self_host`."""
    return OWN_FLEET if word == SELF_HOST else word


def _own(provider: str) -> str:
    """The provider's own language, where it is one of ours."""
    return provider if provider in APIS else ""


def _place(provider: str, asked: Mapping[str, Any]) -> Place:
    url = str(asked["base_url"])
    host = (urlsplit(url).hostname or "").lower()
    variable = str(asked.get("api_key_env") or "") or KEYS.get(host, "")
    batch = asked.get("batch")
    has_batches = host in BATCHES if batch is None else bool(batch)
    return Place(provider, url, str(asked.get("api") or ""), variable, has_batches)
