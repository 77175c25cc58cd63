"""Random models of two layers with a tokenizer of their own: the real loading code, in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEXT = (
    "The agent reads the whole report before it answers, and it answers only what was asked. "
    "Every order has a number, a customer and a date; the customer may cancel it within a day. "
    "If a tool fails, say so, try once more, and then ask the person who waits for the answer. "
    "Long histories cost money on every later turn, so keep to what the task needs and no more. "
)


def classifier(folder: Path) -> Path:
    """What LLMLingua-2 takes: XLM-RoBERTa with a keep-or-drop head."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

    torch.manual_seed(0)
    tokenizer = _tokenizer(folder)
    XLMRobertaForTokenClassification(XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=520, num_labels=2, pad_token_id=1,
    )).save_pretrained(folder)  # fmt: skip
    return folder


def causal(folder: Path) -> Path:
    """What LLMLingua and Selective Context take: Llama."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    tokenizer = _tokenizer(folder)
    LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=512, bos_token_id=0, eos_token_id=2,
        pad_token_id=1,
    )).save_pretrained(folder)  # fmt: skip
    return folder


def _tokenizer(folder: Path) -> Any:
    """Word pieces learnt from `TEXT`, with the marks that XLM-RoBERTa and Llama have."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.decoder = decoders.Metaspace()
    letters = [chr(c) for c in range(32, 127)]
    trained.train_from_iterator(
        [TEXT],
        trainers.BpeTrainer(
            vocab_size=400, special_tokens=marks, initial_alphabet=letters, show_progress=False
        ),
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=trained, bos_token="<s>", pad_token="<pad>", eos_token="</s>",
        unk_token="<unk>", mask_token="<mask>", cls_token="<s>", sep_token="</s>",
    )  # fmt: skip
    made.save_pretrained(folder)
    return made
