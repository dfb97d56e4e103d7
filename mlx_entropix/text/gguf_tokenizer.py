"""A tokenizer from the metadata of a GGUF file.

Keys and defaults: docs/gguf.md of github.com/ggml-org/ggml; how each pre-tokenizer splits:
src/llama-vocab.cpp of github.com/ggml-org/llama.cpp.
"""

from collections.abc import Mapping
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

from mlx_entropix.errors import TokenizerError
from mlx_entropix.text.tokenizer import Tokenizer

# tokenizer.ggml.token_type
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED = 1, 2, 3, 4

# How `tokenizer.ggml.pre` has text split before the merges: by digits one by one and then as GPT-2
# does, or by an expression alone.
_DIGITS_ALONE = ("smollm", "refact", "starcoder", "command-r", "codeshell")
_LLAMA_3_NAMES = ("llama-bpe", "llama3", "llama-v3")
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_THREE_DIGITS = _WORDS + r"|\p{N}{1,3}" + _REST
_ONE_DIGIT = _WORDS + r"|\p{N}" + _REST
_SPLITS = {
    **dict.fromkeys((*_LLAMA_3_NAMES, "dbrx", "smaug-bpe"), _THREE_DIGITS),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen"), _ONE_DIGIT),
}


def tokenizer_from_gguf(metadata: Mapping[str, Any]) -> Tokenizer:
    """Build the tokenizer that a GGUF file describes.

    `metadata` is what `mx.load(path, return_metadata=True)` returns beside the weights. Raises
    TokenizerError where it lacks a part or names a kind of tokenizer that is not supported.
    """
    try:
        return _build(metadata)
    except TokenizerError:
        raise
    except Exception as error:  # `tokenizers` raises no narrower class
        raise TokenizerError(
            f"The tokenizer in the GGUF file does not fit together ({error}); download it again."
        ) from error


def _build(metadata: Mapping[str, Any]) -> Tokenizer:
    tokens = _required(metadata, "tokens")
    kind = _required(metadata, "model")
    if kind == "gpt2":
        backend = _byte_level(metadata, tokens)
    elif kind == "llama":
        backend = _sentencepiece(metadata, tokens)
    else:
        raise TokenizerError(
            f"The GGUF file has a tokenizer of the kind {kind!r}, and only 'gpt2' (byte-level BPE) "
            "and 'llama' (SentencePiece) are supported; use the model's Hugging Face folder."
        )
    types = _token_types(metadata, len(tokens))
    backend.add_special_tokens(_added(tokens, types, _CONTROL, _UNKNOWN))
    backend.add_tokens(_added(tokens, types, _USER_DEFINED))
    special = _special_tokens(metadata, tokens)
    _add_bos(backend, metadata, special.get("bos_token"))
    ends = ("eos_token_id", "eot_token_id", "eom_token_id")
    return Tokenizer(
        backend,
        special_tokens=special,
        eos_token_ids={int(metadata[key]) for end in ends if (key := _key(end)) in metadata},
        chat_template=metadata.get("tokenizer.chat_template"),
    )


def _key(name: str) -> str:
    return f"tokenizer.ggml.{name}"


def _required(metadata: Mapping[str, Any], name: str) -> Any:
    if _key(name) not in metadata:
        raise TokenizerError(
            f"The GGUF file holds no {_key(name)!r}, so its text cannot be read; "
            "use a file that was converted with its tokenizer."
        )
    return metadata[_key(name)]


def _token_types(metadata: Mapping[str, Any], count: int) -> list[int]:
    types = metadata.get(_key("token_type"))
    return [_NORMAL] * count if types is None else types.tolist()


def _added(tokens: list[str], types: list[int], *wanted: int) -> list[AddedToken]:
    """The tokens of the wanted types, to be found whole before anything is split."""
    pairs = zip(tokens, types, strict=True)
    return [AddedToken(token, normalized=False) for token, type in pairs if type in wanted]


def _special_tokens(metadata: Mapping[str, Any], tokens: list[str]) -> dict[str, str]:
    """Names for the chat template's variables, such as {"bos_token": "<s>"}."""
    keys = {
        "bos_token": "bos_token_id",
        "eos_token": "eos_token_id",
        "unk_token": "unknown_token_id",
        "pad_token": "padding_token_id",
    }
    return {
        name: tokens[int(metadata[_key(key)])]
        for name, key in keys.items()
        if _key(key) in metadata
    }


def _add_bos(
    backend: tokenizers.Tokenizer, metadata: Mapping[str, Any], bos_token: str | None
) -> None:
    """Let the tokenizer put BOS first, where the file says so or its kind does by default."""
    by_default = metadata[_key("model")] == "llama" or metadata.get(_key("pre")) in _LLAMA_3_NAMES
    if bos_token is not None and bool(metadata.get(_key("add_bos_token"), by_default)):
        backend.post_processor = processors.TemplateProcessing(
            single=[bos_token, "$A"], special_tokens=[(bos_token, backend.token_to_id(bos_token))]
        )


def _byte_level(metadata: Mapping[str, Any], tokens: list[str]) -> tokenizers.Tokenizer:
    """GPT-2's kind."""
    pre = _required(metadata, "pre")  # files without it are old, and wrong for Llama 3
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    splitter: pre_tokenizers.PreTokenizer
    if pre == "gpt-2":
        splitter = byte_level
    elif pre in _DIGITS_ALONE:
        digits = pre_tokenizers.Digits(individual_digits=True)
        splitter = pre_tokenizers.Sequence([digits, byte_level])
    elif pre in _SPLITS:
        split = pre_tokenizers.Split(Regex(_SPLITS[pre]), behavior="isolated")
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        splitter = pre_tokenizers.Sequence([split, to_bytes])
    else:
        raise TokenizerError(
            f"The GGUF file splits text by the rule {pre!r}, and only gpt-2, "
            f"{', '.join((*_DIGITS_ALONE, *_SPLITS))} are supported; use the model's Hugging Face "
            "folder."
        )
    merges = [tuple(merge.split(" ")) for merge in _required(metadata, "merges")]
    vocabulary = {token: id for id, token in enumerate(tokens)}
    model = BPE(vocabulary, merges, ignore_merges=pre in _LLAMA_3_NAMES)
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = splitter
    backend.decoder = decoders.ByteLevel()
    return backend


def _sentencepiece(metadata: Mapping[str, Any], tokens: list[str]) -> tokenizers.Tokenizer:
    """Llama 2's kind: pieces with scores, spaces as "▁", bytes for what has no piece."""
    scores = _required(metadata, "scores").tolist()
    types = _token_types(metadata, len(tokens))
    vocabulary = {token: id for id, token in enumerate(tokens)}
    unknown = int(metadata.get(_key("unknown_token_id"), 0))
    model = BPE(
        vocabulary,
        _merges_by_score(tokens, scores, types),
        unk_token=tokens[unknown],
        fuse_unk=True,
        byte_fallback=True,
    )
    backend = tokenizers.Tokenizer(model)
    spaces = normalizers.Replace(" ", "▁")
    if bool(metadata.get(_key("add_space_prefix"), True)):
        # Before each stretch of text, after a control token too, as llama.cpp does.
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces])
    else:
        backend.normalizer = spaces
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return backend


def _merges_by_score(
    tokens: list[str], scores: list[float], types: list[int]
) -> list[tuple[str, str]]:
    """The merges of a SentencePiece BPE: two pieces whose join is a piece, the best score first."""
    ids = {
        token: id
        for id, (token, type) in enumerate(zip(tokens, types, strict=True))
        if type == _NORMAL
    }
    ranked = [
        (-scores[id], ids[left], ids[right], left, right)
        for token, id in ids.items()
        for cut in range(1, len(token))
        if (left := token[:cut]) in ids and (right := token[cut:]) in ids
    ]
    return [(left, right) for *_, left, right in sorted(ranked)]
