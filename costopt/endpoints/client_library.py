"""The HTTP library that the installed openai is built on, loaded where it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def http() -> Any:
    """httpx2 from openai 3.0, httpx before."""
    import openai

    return import_module("httpx2" if hasattr(openai, "DefaultAsyncHttpx2Client") else "httpx")
