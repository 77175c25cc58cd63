"""Start-up stays instant: what `costopt --help` may load, proven on `sys.modules`."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "torch", "faiss", "duckdb", "sentence_transformers", "llmlingua", "pandas", "matplotlib",
    "openai", "tiktoken", "genai_prices", "numba", "pyarrow", "numpy", "pydantic", "jinja2",
)  # fmt: skip


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv=['costopt','--help']\n"
        "from costopt.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', *sorted({m.split('.')[0] for m in sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.rsplit("LOADED", 1)[1].split())
    assert not loaded & set(HEAVY)


def test_help_names_every_group() -> None:
    out = subprocess.run(
        [sys.executable, "-m", "costopt", "--help"], capture_output=True, text=True, check=True
    )
    assert all(group in out.stdout for group in ("Look", "Try", "Own data"))
