"""Arguments of a serving engine (vLLM, SGLang), in a shell script, a compose file or a Kubernetes manifest.

Defaults: https://docs.vllm.ai/en/latest/configuration/engine_args.html and
https://docs.sglang.ai/advanced_features/server_arguments.html (checked 2026-11-24).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from costopt.checklist.evidence import Fact, Kind, Topic
from costopt.wiring.deployment.document import mapping, sequence, text_of, walk

KIND = Kind.ENGINE
_VLLM = re.compile(r"\bvllm\s+serve\b|vllm\.entrypoints|vllm/vllm-openai|\bvllm\b.*--model")
_SGLANG = re.compile(r"sglang\.launch_server|\bsglang\s+serve\b|lmsysorg/sglang")
_VERSION = re.compile(r"(?:vllm-openai|vllm)(?:==|:v?|@v?)(\d+)\.(\d+)")
FIRST_WITH_DEFAULT = (0, 9)
"""vLLM's V1 engine caches prefixes unless told not to; 0.8 and before run the old one in many cases."""
_FALSE = ("false", "0", "no", "off")


def recognised(document: Any) -> bool:
    """A command that starts one of the engines, wherever it stands."""
    return any(_VLLM.search(c) or _SGLANG.search(c) for _, c in commands(document))


def facts(document: Any, name: str) -> Iterator[Fact]:
    """Prefix caching of every server that the file starts."""
    for place, command in commands(document):
        where = f"{name}: {place}" if place else name
        if _SGLANG.search(command):
            yield _sglang(command, where)
        elif _VLLM.search(command):
            yield _vllm(command, where)


def commands(document: Any) -> Iterator[tuple[str, str]]:
    """(place, command line) of a shell text, of compose services, of Kubernetes containers."""
    if isinstance(document, str):
        text = re.sub(r"\\\r?\n", " ", document)
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield f"command {number}", line
        return
    for name, service in mapping(mapping(document).get("services")).items():
        yield f"services.{name}", _joined(service)
    for path, key, value in walk(document):
        if key in ("containers", "initContainers"):
            for i, container in enumerate(sequence(value)):
                yield f"{path}.{i}", _joined(container)


def _joined(service: Any) -> str:
    parts = []
    for key in ("image", "entrypoint", "command", "args"):
        value = mapping(service).get(key, "")
        parts += [text_of(v) for v in value] if isinstance(value, list) else [text_of(value)]
    return " ".join(" ".join(p.split()) for p in parts if p)


def words(command: str) -> list[str]:
    """Shell words; a text that no shell would take is split at spaces."""
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return command.split()


def _vllm(command: str, place: str) -> Fact:
    said: bool | None = None
    flag = ""
    arguments = words(command)
    for i, word in enumerate(arguments):
        name, _, value = word.replace("_", "-").partition("=")
        if name == "--no-enable-prefix-caching":
            said, flag = False, word
        elif name == "--enable-prefix-caching":
            following = arguments[i + 1] if i + 1 < len(arguments) else ""
            off = (value or following).lower() in _FALSE
            said, flag = not off, word
    if said is not None:
        return Fact(Topic.PREFIX_CACHING, said, f"vLLM: `{flag}`", place)
    version = _VERSION.search(command)
    if version is None:
        text = "vLLM: not set; on by default since its V1 engine, off in 0.8 and before"
        return Fact(Topic.PREFIX_CACHING, None, text, place)
    new = (int(version[1]), int(version[2])) >= FIRST_WITH_DEFAULT
    text = f"vLLM {version[1]}.{version[2]}: not set, {'on' if new else 'off'} by default"
    return Fact(Topic.PREFIX_CACHING, new, text, place)


def _sglang(command: str, place: str) -> Fact:
    off = "--disable-radix-cache" in words(command)
    text = "`--disable-radix-cache`" if off else "RadixAttention is on by default"
    return Fact(Topic.PREFIX_CACHING, not off, f"SGLang: {text}", place)
