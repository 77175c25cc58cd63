"""The HTTP client under every endpoint: openai's, with no retries and no redirects of its own."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

from costopt.endpoints.bounded import PACKED, bound
from costopt.endpoints.client_library import http
from costopt.endpoints.connection import Connection
from costopt.errors import UsageError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

IDLE_S = 4.0
"""An idle connection is dropped after this: before common servers do (uvicorn and Node after 5 s), for a
request written into a connection that is being closed is in doubt for ever."""


def open_client(connection: Connection, base_url: str) -> AsyncOpenAI:
    """A client for one event loop. It sends the key as a bearer token, unless a request says otherwise."""
    import openai

    library = http()
    make = getattr(openai, "DefaultAsyncHttpx2Client", openai.DefaultAsyncHttpxClient)
    found = make(
        # A redirect would carry the key to a host that nobody named.
        follow_redirects=False,
        verify=tls(connection),
        headers=PACKED,
        event_hooks={"response": [bound()]},
        timeout=library.Timeout(
            connection.timeout_s,
            # Well before the whole time is over: what was never connected was never sent.
            connect=min(connection.connect_s, connection.timeout_s / 2),
            pool=None,
        ),
        # No bound of its own: how much is sent at once is the executor's business.
        limits=library.Limits(
            max_connections=None, max_keepalive_connections=None, keepalive_expiry=IDLE_S
        ),
    )
    client = openai.AsyncOpenAI(
        api_key=connection.key or "none", base_url=base_url, max_retries=0, http_client=found,
        timeout=found.timeout, default_query=connection.query,
    )  # fmt: skip
    if connection.hostname != "openai.com" and not connection.hostname.endswith(".openai.com"):
        client.organization = client.project = None  # of the environment: nobody else's business
    return client


class Secret(str):
    """A header's value that a log shows as stars: openai's own log hides only the headers that it knows."""

    def __repr__(self) -> str:
        return "'***'"


def without_authorization() -> dict[str, Any]:
    """Headers of a request that shows no key in openai's way; openai wants that said with each."""
    from openai import Omit

    return {"Authorization": Omit()}


def tls(connection: Connection) -> ssl.SSLContext | bool:
    """Whom to trust. Raises UsageError for a file that holds no certificates."""
    if connection.verify is True:
        return _authorities(os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))
    if connection.verify is False:
        return False
    try:
        return ssl.create_default_context(cafile=connection.verify)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"`{connection.verify}` holds no certificates: {error}") from error


@cache
def _authorities(file: str, folder: str) -> ssl.SSLContext:
    """Those of the system or of the environment's two variables. Read once: it takes as long as many
    requests."""
    found: ssl.SSLContext = http().create_ssl_context()
    return found
