"""llama.cpp's Python server with the tiny model: a second engine that nobody here wrote, fast under load.

    pip install "llama-cpp-python[server]" gguf     # builds llama.cpp: 7 to 13 minutes
    COSTOPT_LLAMA_PYTHON=/path/to/that/python python scripts/servers/llama_cpp_server.py FOLDER

Its ways: a stream gives no usage, any model name is answered, and repeated words are punished
(`repeat_penalty` 1.1) unless a request sets 1.0; then it says what transformers says.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.servers import process, tiny_model

VARIABLE = "COSTOPT_LLAMA_PYTHON"


def python() -> str:
    """The Python that has `llama_cpp`: the one that the variable names, else this one."""
    return os.environ.get(VARIABLE) or sys.executable


def gguf(folder: Path) -> Path:
    """The tiny model as a file for llama.cpp."""
    out = folder / "tiny.gguf"
    if not out.exists():
        model = tiny_model.make(folder / "tiny")
        script = str(Path(__file__).parent / "gguf_file.py")
        subprocess.run([python(), script, str(model), str(out)], check=True)
    return out


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """Its address while it runs."""
    port = port or process.free_port()
    command = [
        python(), "-m", "llama_cpp.server", "--model", str(gguf(folder)), "--n_ctx", "4096",
        "--host", "127.0.0.1", "--port", str(port), "--n_threads", "1", "--model_alias", "tiny",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with process.served(command, url, "/v1/models", folder / "llama.log", {}, 60) as found:
        yield found


if __name__ == "__main__":
    with serve(Path(sys.argv[1])) as address:
        process.stay(address)
