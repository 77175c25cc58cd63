"""Exceptions of the network as refusals: what never reached the server, and what may have.

Told by the names of the exceptions, which httpx and httpx2 share, and by what lies under them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from costopt.endpoints.bounded import NotTaken
from costopt.endpoints.connection import Connection
from costopt.model.exchange import Refusal, Trouble
from costopt.model.secrets import masked

_NEVER_SENT = frozenset(("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError",
                         "UnsupportedProtocol", "LocalProtocolError"))  # fmt: skip
_TOO_LATE = frozenset(("ReadTimeout", "WriteTimeout", "TimeoutError", "APITimeoutError"))


def refusal(error: BaseException, connection: Connection, latency_ms: float) -> Refusal:
    """What became of a request whose sending or answer broke off."""
    chain = list(causes(error))
    names = {type(e).__name__ for e in chain}
    taken = next((e for e in chain if isinstance(e, NotTaken)), None)
    if taken is not None:
        trouble, hint = Trouble.UNREADABLE, ""
        message = f"{connection.host} answers with what cannot be an answer ({taken})"
    elif names & _NEVER_SENT:
        trouble, message, hint = _never_sent(chain, names, connection)
    elif names & _TOO_LATE:
        trouble = Trouble.UNSURE
        message = f"{connection.host} gave no whole answer within {connection.timeout_s:g} s"
        hint = ""
    else:
        trouble, hint = Trouble.UNSURE, ""
        message = f"{connection.host} closed the connection before its answer was whole"
        message += f" ({_last_words(chain)})"
    return Refusal(trouble, masked(message), hint, latency_ms=latency_ms)


def _never_sent(
    chain: list[BaseException], names: set[str], connection: Connection
) -> tuple[Trouble, str, str]:
    host = connection.host
    if any(isinstance(e, ssl.SSLCertVerificationError) for e in chain) or _says(
        chain, "CERTIFICATE_V"
    ):
        return Trouble.STOP, f"{host} shows a TLS certificate that is not trusted ({_tls(chain)})", (
            "For an authority of your own: SSL_CERT_FILE=its-certificate.pem"
        )  # fmt: skip
    if any(isinstance(e, ssl.SSLError) for e in chain):
        return Trouble.STOP, f"no TLS with {host} ({_last_words(chain)})", (
            "Is it http:// instead of https://?"
        )  # fmt: skip
    if any(isinstance(e, socket.gaierror) for e in chain):
        return Trouble.STOP, f"there is no host called {connection.hostname} (name not found)", (
            "Check the endpoint's address and the network."
        )  # fmt: skip
    if "UnsupportedProtocol" in names or "LocalProtocolError" in names:
        return Trouble.STOP, f"{host} cannot be asked ({_last_words(chain)})", ""
    if "ConnectTimeout" in names:
        return Trouble.NOT_SENT, f"{host} does not answer within {connection.connect_s:g} s", ""
    if any(isinstance(e, ConnectionRefusedError) for e in chain):
        return Trouble.NOT_SENT, f"nothing listens at {host} (connection refused)", (
            "Start the server, or check the port."
        )  # fmt: skip
    return Trouble.NOT_SENT, f"no connection to {host} ({_last_words(chain)})", ""


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that lie under it, groups opened; each once."""
    todo, seen = [error], set[int]()
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            todo += list(one.exceptions)
        todo += [e for e in (one.__cause__, one.__context__) if e is not None]


def _says(chain: list[BaseException], words: str) -> bool:
    return any(words in str(e) for e in chain)


def _tls(chain: list[BaseException]) -> str:
    found = [e.verify_message for e in chain if isinstance(e, ssl.SSLCertVerificationError)]
    return found[0] if found else _last_words(chain)


def _last_words(chain: list[BaseException]) -> str:
    """The innermost exception of the network that says something; inner workings say nothing to people."""
    said = [e for e in chain if str(e) and (isinstance(e, OSError) or _of_http(e))]
    return f"{type(said[-1]).__name__}: {str(said[-1])[:160]}" if said else type(chain[0]).__name__


def _of_http(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in ("httpx", "httpx2")
