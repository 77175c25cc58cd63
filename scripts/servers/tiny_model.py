"""A Llama of 2 layers with random weights and a tokenizer trained on a few lines: made in seconds, 0.5 MB.

It says nothing sensible. What is real: the loading code, the chat template, the token counts, and that
the same prompt gives the same words at temperature 0.

    python scripts/servers/tiny_model.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TEXT = """
The agent reads a file, runs the tests and writes a patch. Each call to the model costs money: input,
cached input, output. A tool returns its result as text; the next call sends it again. Show me the last
ten lines of the log. The build failed because a module was not found. Install it and try again. What is
the price of a thousand tokens? Answer with yes or no. List the open orders of this customer, then refund
the second one. def add(a, b): return a + b  # tested with pytest. {"name": "search", "arguments": {}}
"""
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
END, PAD = "<|end|>", "<|pad|>"
VOCABULARY = 512


def make(folder: Path, seed: int = 0, **sizes: int) -> Path:
    """The model's folder, made where it is not there yet; another seed is another model.

    `sizes` outdo those of the configuration (`hidden_size=256`).
    """
    if not (folder / "model.safetensors").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _tokenizer().save_pretrained(folder)
        _model(seed, sizes).save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[PAD, END], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    raw.train_from_iterator([TEXT] * 4, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=END, pad_token=PAD)
    fast.chat_template = TEMPLATE
    return fast


def _model(seed: int, sizes: dict[str, int]) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    tokens = _tokenizer()
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
    config = LlamaConfig(
        **(small | sizes), vocab_size=len(tokens), max_position_embeddings=8192,
        # Wide enough that what is said depends on what was asked.
        initializer_range=0.4, tie_word_embeddings=False, bos_token_id=None,
        eos_token_id=tokens.eos_token_id, pad_token_id=tokens.pad_token_id,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for word, row in tokens.get_vocab().items():
            # Bytes above ASCII would make broken characters: they are never said.
            if word == PAD or (len(word) == 1 and ord(word) > 126 and word not in "ĠĊ"):
                model.lm_head.weight[row] = 0.0
    return model.eval().float()


def prompt_tokens(folder: Path, messages: list[dict[str, str]]) -> int:
    """Tokens of a conversation as the model's own tokenizer counts them under its template."""
    from transformers import AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    text = tokens.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return len(tokens(text, add_special_tokens=False)["input_ids"])


def config_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return found


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
