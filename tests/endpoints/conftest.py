"""Servers that nobody here wrote, one of each for all tests of a session.

llama.cpp's takes ten minutes to build and LiteLLM's proxy an environment of its own. Where the variables
that name them are not set, their tests are not collected: a missing server is no failure of ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from scripts.servers import litellm_proxy, llama_cpp_server, transformers_serve
from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_server import FaultServer, running

_TESTS = {"test_llama_cpp.py": llama_cpp_server, "test_litellm_proxy.py": litellm_proxy}
collect_ignore = [name for name, server in _TESTS.items() if not os.environ.get(server.VARIABLE)]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """transformers' server: (address, name of its model)."""
    pytest.importorskip("transformers")
    pytest.importorskip("fastapi", reason="pip install 'costopt[serve]'")
    folder = tmp_path_factory.mktemp("transformers")
    with transformers_serve.serve(folder) as url:
        yield url, transformers_serve.model_name(folder)


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """llama.cpp's Python server with the same model."""
    with llama_cpp_server.serve(tmp_path_factory.mktemp("llama")) as url:
        yield url


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, FaultServer]]:
    """LiteLLM's proxy, and the server behind its model `forwarded`."""
    folder = tmp_path_factory.mktemp("litellm")
    with running(Behaviour()) as behind, litellm_proxy.serve(folder, upstream=behind.url) as url:
        yield url, behind
