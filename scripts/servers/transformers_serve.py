"""`transformers serve` with the tiny model: real token counts, streams, the same words at temperature 0.

    pip install "costopt[serve]"
    python scripts/servers/transformers_serve.py FOLDER

Its ways: `/v1/models` asks the model hub (500 offline), another model's name is 400, an unknown field 422,
the stream ends without `[DONE]`, and it says nothing of cached tokens.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.servers import process, tiny_model

ENV = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
       "OMP_NUM_THREADS": "1"}  # fmt: skip


def model_name(folder: Path) -> str:
    """The name that requests give: the model's folder."""
    return str(folder / "tiny")


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """Its address while it runs."""
    model = tiny_model.make(Path(model_name(folder)))
    port = port or process.free_port()
    command = [
        str(Path(sys.executable).parent / "transformers"), "serve", str(model), "--host",
        "127.0.0.1", "--port", str(port), "--device", "cpu", "--default-seed", "0",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with process.served(command, url, "/health", folder / "transformers.log", ENV, 120) as found:
        yield found


if __name__ == "__main__":
    with serve(Path(sys.argv[1])) as address:
        process.stay(address)
