"""Where an endpoint is and how it is spoken to: address, key, patience, TLS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from costopt.errors import UsageError

_CALLS = ("/chat/completions", "/messages")
_OWN_NAMES = (".localhost", ".local", ".internal")


@dataclass(frozen=True)
class Connection:
    """Settings of one endpoint. The key is not part of its `repr`, and stands nowhere else."""

    base_url: str
    """As people give it: `https://api.openai.com/v1`, `http://127.0.0.1:8000`; a query is sent along."""
    key: str | None = field(default=None, repr=False)
    """None: no key is sent (a server on one's own machine)."""
    timeout_s: float = 600.0
    """For a whole answer; also the longest silence inside one."""
    connect_s: float = 15.0
    stream: bool = True
    """Streamed, so that the time to the first token is measured."""
    verify: bool | str = True
    """TLS: True, the system's authorities; a path, those of this file; False, anyone."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.username or parts.password:
            raise UsageError(
                f"the endpoint's address holds a user name or a password: {parts.hostname}",
                hint="Put the key into an environment variable and name it: --api-key-env NAME",
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"`{self.base_url}` is no address of an endpoint",
                hint="Give it as http://127.0.0.1:8000/v1 or https://api.openai.com/v1",
            )

        if self.key is not None and not (self.key.isascii() and self.key.isprintable()):
            raise UsageError(
                "the key holds characters that no header can carry",
                hint="Set the variable again: a line break or a typographic quote came along.",
            )

    @property
    def host(self) -> str:
        """Host and port as shown to people."""
        parts = urlsplit(self.base_url)
        name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        return f"{name}:{parts.port}" if parts.port else name

    @property
    def hostname(self) -> str:
        """The host alone, in lower case."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """The address is loopback or private, or a name that only one's own network knows (`vllm`,
        `gpu.local`): one's own machine. Names are not looked up."""
        name = self.hostname.rstrip(".")
        try:
            found = ipaddress.ip_address(name)
        except ValueError:
            return "." not in name or name.endswith(_OWN_NAMES)
        return found.is_loopback or found.is_private or found.is_link_local

    @property
    def root(self) -> str:
        """The address without the call's own path, version and query: what `/v1/...` is put behind."""
        parts = urlsplit(self.base_url)
        path = parts.path.rstrip("/")
        for call in _CALLS:
            path = path.removesuffix(call)
        return urlunsplit((parts.scheme, parts.netloc, path.removesuffix("/v1"), "", ""))

    @property
    def versioned(self) -> str:
        """The address that `/chat/completions` is put behind; `/v1` where none was given."""
        parts = urlsplit(self.base_url)
        path = parts.path.rstrip("/").removesuffix(_CALLS[0]) or "/v1"
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))

    @property
    def query(self) -> dict[str, str]:
        """Parameters of the address (Azure's `api-version`)."""
        return dict(parse_qsl(urlsplit(self.base_url).query))
