"""LiteLLM's proxy with invented answers: a gateway's behaviour (keys, languages, headers), never a token
count: its mock answers always count 10 tokens in and 20 out.

    COSTOPT_LITELLM_PYTHON=/path/to/python python scripts/servers/litellm_proxy.py FOLDER

The variable names a Python that has `litellm[proxy]`. Without it an environment is made under FOLDER:
LiteLLM pins versions of other packages.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.servers import process

VARIABLE = "COSTOPT_LITELLM_PYTHON"
PACKAGE = "litellm[proxy]>=1.100"
KEY = "sk-of-the-proxy-1234"
MODEL, UPSTREAM = "mocked", "forwarded"
CONFIG = """
model_list:
  - model_name: mocked
    litellm_params: {{model: openai/gpt-4o, api_key: none, mock_response: "the answer is made up"}}
  - model_name: forwarded
    litellm_params: {{model: hosted_vllm/upstream, api_key: none, api_base: "{upstream}/v1"}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
"""


def python(folder: Path) -> Path:
    """The Python that has the proxy; one is made on demand (about a minute)."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    home = folder / "litellm-venv"
    found = home / "bin" / "python"
    if not found.exists():
        venv.create(home, with_pip=True)
        subprocess.run([str(found), "-m", "pip", "install", "-q", PACKAGE], check=True)
    return found


@contextmanager
def serve(folder: Path, port: int = 0, upstream: str = "http://127.0.0.1:9") -> Iterator[str]:
    """Its address while it runs. `upstream`: where the model `forwarded` is really served."""
    port = port or process.free_port()
    config = folder / "litellm.yaml"
    config.write_text(CONFIG.format(upstream=upstream))
    command = [
        str(python(folder).parent / "litellm"), "--config", str(config), "--host", "127.0.0.1",
        "--port", str(port), "--telemetry", "False",
    ]  # fmt: skip
    env = {"LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_COLOR": "1"}
    url, log = f"http://127.0.0.1:{port}", folder / "litellm.log"
    with process.served(command, url, "/health/liveliness", log, env, 120) as found:
        yield found


if __name__ == "__main__":
    with serve(Path(sys.argv[1])) as address:
        process.stay(address)
