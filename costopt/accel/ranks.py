"""Exact encoders from ranks that are already on this machine; a download only where it is allowed.

Order: a folder given by the user, tiktoken's own cache, the package `bpe-openai`, then the network.
tiktoken itself would fetch missing ranks without a time limit: it is handed ranks, never asked for.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.util
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from types import FunctionType
from typing import Any, Protocol

from costopt.accel.encodings import CL100K, O200K
from costopt.errors import InputError

# https://github.com/openai/tiktoken/blob/main/tiktoken_ext/openai_public.py, checked 2026-11-24
RANKS_URL = "https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
RANKS_SHA256 = {
    CL100K: "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    O200K: "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
DOWNLOAD_LIMIT_S = 60.0
"""For the whole of it; the files are 1.7 and 3.6 MB."""
_ANSWER_LIMIT_S = 10.0


class Encoder(Protocol):
    """One byte-pair encoding. Lone surrogates of a broken log count as U+FFFD, as in tiktoken."""

    source: str
    """Where the ranks came from, for `doctor` and for labels."""

    def count(self, text: str) -> int: ...

    def encode(self, text: str) -> list[int]: ...


def find_encoder(name: str, ranks: Path | None, allow_download: bool) -> Encoder | None:
    """The first way that works; None: no ranks here. InputError: the given folder has none."""
    if ranks is not None:
        found = _from_folder(name, ranks)
        if found is None and not any(_from_folder(other, ranks) for other in RANKS_SHA256):
            raise InputError(
                f"{ranks} holds no token ranks",
                hint=f"it should hold {name}.tiktoken as tiktoken fetches it, or tiktoken's cache",
            )
        if found is not None:
            return found
    for folder in _cache_folders():
        found = _from_folder(name, folder)
        if found is not None:
            return found
    return _from_bpe_openai(name) or (_downloaded(name) if allow_download else None)


class _Tiktoken:
    def __init__(self, encoding: Any, source: str) -> None:
        self._encode = encoding.encode_ordinary
        self.source = source

    def count(self, text: str) -> int:
        return len(self._encode(text))

    def encode(self, text: str) -> list[int]:
        encoded: list[int] = self._encode(text)
        return encoded


class _BpeOpenai:
    """Counts without building the list of tokens, in time linear in the text."""

    source = "bpe-openai"

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def count(self, text: str) -> int:
        try:
            return int(self._tokenizer.count(text))
        except UnicodeEncodeError:
            return int(self._tokenizer.count(without_surrogates(text)))

    def encode(self, text: str) -> list[int]:
        encoded: list[int] = self._tokenizer.encode(without_surrogates(text))
        return encoded


def without_surrogates(text: str) -> str:
    """Pairs become the character they stand for, lone halves U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _cache_folders() -> Iterator[Path]:
    """Where tiktoken keeps what it once fetched."""
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if os.environ.get(variable):
            yield Path(os.environ[variable])
    yield Path(tempfile.gettempdir()) / "data-gym-cache"


def cached_name(name: str) -> str:
    """File name of an encoding in tiktoken's cache."""
    return hashlib.sha1(RANKS_URL.format(name=name).encode()).hexdigest()


def _from_folder(name: str, folder: Path) -> Encoder | None:
    for file in (f"{name}.tiktoken", f"{name}.tiktoken.gz", cached_name(name)):
        path = folder / file
        try:
            data = path.read_bytes()
        except OSError:
            continue
        encoder = _from_ranks(name, data, str(folder))
        if encoder is not None:
            return encoder
    return None


def _from_ranks(name: str, data: bytes, source: str) -> Encoder | None:
    """tiktoken's encoding over these ranks; None where they are not the published ones."""
    try:
        raw = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError):
        return None
    if hashlib.sha256(raw).hexdigest() != RANKS_SHA256[name]:
        return None
    pairs = (line.split() for line in raw.splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    import tiktoken
    from tiktoken_ext.openai_public import ENCODING_CONSTRUCTORS

    built = _with_loader(ENCODING_CONSTRUCTORS[name], lambda *_, **__: ranks)()
    return _Tiktoken(tiktoken.Encoding(**built), source)


def _with_loader(constructor: Any, loader: Callable[..., Any]) -> Callable[[], dict[str, Any]]:
    """tiktoken's constructor with our loader in place of the one that goes to the network."""
    names = {**constructor.__globals__, "load_tiktoken_bpe": loader}
    return FunctionType(constructor.__code__, names)


def _from_bpe_openai(name: str) -> Encoder | None:
    bindings = _bindings()
    return None if bindings is None else _BpeOpenai(bindings.tokenizer_for_encoding(name))


def _bindings() -> Any | None:
    """The compiled part of bpe-openai alone: its Python part reads all ranks, for half a second."""
    package = importlib.util.find_spec("bpe_openai")
    if package is None or not package.submodule_search_locations:
        return None
    spec = PathFinder.find_spec("_bindings", list(package.submodule_search_locations))
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _downloaded(name: str) -> Encoder | None:
    """Fetch once into tiktoken's cache; None where the network does not answer in time."""
    try:
        data = _fetch(RANKS_URL.format(name=name))
    except OSError:
        return None
    encoder = _from_ranks(name, data, "downloaded")
    if encoder is not None:
        _keep(name, data)
    return encoder


def _fetch(url: str) -> bytes:
    """The file at the address. OSError: no answer, or not all of it within the limit."""
    deadline, parts = time.monotonic() + DOWNLOAD_LIMIT_S, []
    with urllib.request.urlopen(url, timeout=_ANSWER_LIMIT_S) as answer:
        while part := answer.read(1 << 16):
            parts.append(part)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} took longer than {DOWNLOAD_LIMIT_S:.0f} s")
    return b"".join(parts)


def _keep(name: str, data: bytes) -> None:
    """Beside what tiktoken fetched itself, so that the next run needs no network."""
    folder = next(_cache_folders())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(data)
        Path(file.name).replace(folder / cached_name(name))
    except OSError:
        return  # a read-only cache costs the next run a download, no more
