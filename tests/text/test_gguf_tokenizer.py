"""Tokenizers built from GGUF metadata, against slow reference encoders written here."""

from itertools import pairwise

import mlx.core as mx
import pytest
import regex

from mlx_entropix.errors import TokenizerError
from mlx_entropix.text import load_tokenizer, tokenizer_from_gguf
from tests.text.llama_3_like import SPLIT as LLAMA_3_SPLIT

GPT_2_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

QWEN_2_SPLIT = LLAMA_3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")

HARD_TEXTS = [
    "it's we're I'LL don'T o'clock",
    "9.9 and 9.11, 1234567 ½ ² Ⅷ ٣٤٥ x2y",
    "  two\t\ttabs \n\n\n three\r\nlines \u00a0nbsp\u2003em\u3000wide ",
    "naïve café — “quotes” … ¿qué?",
    "日本語 한국어 русский עברית العربية ไทย",
    "👩‍👩‍👧‍👦🏳️‍🌈 e\u0301 \u200b \ufeff \x00\x7f",
    "def f(x):\n    return {'a': [1, 22, 333]}\n",
    "<|im_end|><|im_start|>system\n<repo_name>",
]


def byte_alphabet() -> dict[int, str]:
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = (chr(256 + n) for n in range(256))
    return {b: chr(b) if b in keep else next(moved) for b in range(256)}


class SlowByteLevel:
    """Byte-level BPE as encoder.py of GPT-2 has it: the lowest-ranked pair first, until none."""

    def __init__(self, metadata, split, digits_alone, whole_words):
        self.ids = {t: i for i, t in enumerate(metadata["tokenizer.ggml.tokens"])}
        merges = metadata["tokenizer.ggml.merges"]
        self.ranks = {tuple(m.split(" ")): rank for rank, m in enumerate(merges)}
        self.split, self.digits_alone, self.whole_words = split, digits_alone, whole_words

    def encode(self, text):
        parts = regex.split(r"(\p{N})", text) if self.digits_alone else [text]
        words = [word for part in parts for word in regex.findall(self.split, part)]
        return [id for word in words for id in self.encode_word(word)]

    def encode_word(self, word):
        letters = [byte_alphabet()[byte] for byte in word.encode()]
        if self.whole_words and "".join(letters) in self.ids:
            return [self.ids["".join(letters)]]
        while True:
            pairs = enumerate(pairwise(letters))
            joins = [(self.ranks[pair], i) for i, pair in pairs if pair in self.ranks]
            if not joins:
                return [self.ids[letter] for letter in letters]
            _, i = min(joins)
            letters[i : i + 2] = ["".join(letters[i : i + 2])]


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_bundled_model_splits_and_merges_as_the_reference(smollm2, bundled_metadata, text):
    slow = SlowByteLevel(bundled_metadata, GPT_2_SPLIT, digits_alone=True, whole_words=False)
    ids = smollm2.encode(text)
    assert ids == slow.encode(text)
    assert smollm2.decode(ids) == text


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_llama_3_splits_and_merges_as_the_reference(bundled_metadata, text):
    metadata = {**bundled_metadata, "tokenizer.ggml.pre": "llama-bpe"}
    slow = SlowByteLevel(metadata, LLAMA_3_SPLIT, digits_alone=False, whole_words=True)
    tokenizer = tokenizer_from_gguf(metadata)
    assert tokenizer.encode(text, add_special_tokens=False) == slow.encode(text)


@pytest.mark.parametrize(("pre", "split"), [("qwen2", QWEN_2_SPLIT), ("dbrx", LLAMA_3_SPLIT)])
def test_qwen_2_and_olmo_2_split_and_merge_as_the_reference(bundled_metadata, pre, split):
    metadata = {**bundled_metadata, "tokenizer.ggml.pre": pre}
    slow = SlowByteLevel(metadata, split, digits_alone=False, whole_words=False)
    tokenizer = tokenizer_from_gguf(metadata)
    for text in HARD_TEXTS:
        assert tokenizer.encode(text) == slow.encode(text)


def test_facts_of_the_bundled_vocabulary(smollm2):
    assert smollm2.vocabulary_size == 49152
    assert smollm2.eos_token_ids == {2}
    assert [smollm2.token_text(id) for id in (0, 1, 2)] == [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
    ]
    digits = smollm2.encode("2024")
    assert [smollm2.token_text(id) for id in digits] == ["2", "0", "2", "4"]
    assert smollm2.encode("") == []


def test_end_of_turn_tokens_of_the_file_end_an_answer(bundled_metadata):
    metadata = {**bundled_metadata, "tokenizer.ggml.eot_token_id": mx.array(0, mx.uint32)}
    assert tokenizer_from_gguf(metadata).eos_token_ids == {0, 2}


def test_bos_comes_first_where_the_file_says_so(bundled_metadata):
    def ids(**changes):
        changes = {f"tokenizer.ggml.{name}": value for name, value in changes.items()}
        kept = {k: v for k, v in bundled_metadata.items() if k != "tokenizer.ggml.add_bos_token"}
        return tokenizer_from_gguf({**kept, **changes}).encode("Hi")

    plain = ids()
    assert plain[0] != 1
    assert ids(add_bos_token=mx.array(True)) == [1, *plain]
    assert ids(pre="llama-bpe") == [1, *plain]
    assert ids(pre="llama-bpe", add_bos_token=mx.array(False)) == plain


def slow_sentencepiece(metadata, text):
    """SentencePiece BPE: join the neighbours whose join has the best score, the leftmost first."""
    tokens = metadata["tokenizer.ggml.tokens"]
    scores = metadata["tokenizer.ggml.scores"].tolist()
    types = metadata["tokenizer.ggml.token_type"].tolist()
    scored = {t: (scores[i], i) for i, t in enumerate(tokens) if types[i] == 1}
    pieces = list("▁" + text.replace(" ", "▁"))
    while True:
        pairs = enumerate(a + b for a, b in pairwise(pieces))
        joins = [(-scored[pair][0], i) for i, pair in pairs if pair in scored]
        if not joins:
            break
        _, i = min(joins)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    ids = []
    for piece in pieces:
        ids += [scored[piece][1]] if piece in scored else [3 + byte for byte in piece.encode()]
    return ids


@pytest.mark.parametrize("text", ["The quick brown fox", " the dog  over   the", *HARD_TEXTS])
def test_sentencepiece_merges_by_score(sentencepiece, sentencepiece_metadata, text):
    ids = sentencepiece.encode(text)
    assert ids == [1, *slow_sentencepiece(sentencepiece_metadata, text)]
    assert sentencepiece.decode(ids) == " " + text


def test_sentencepiece_without_the_space_before_text(sentencepiece_metadata):
    metadata = {**sentencepiece_metadata, "tokenizer.ggml.add_space_prefix": mx.array(False)}
    tokenizer = tokenizer_from_gguf(metadata)
    assert tokenizer.decode(tokenizer.encode("the dog")) == "the dog"


def test_sentencepiece_never_spells_a_control_token(sentencepiece):
    ids = sentencepiece.encode("</s><s> <unk>", add_special_tokens=False)
    assert not {0, 1, 2} & set(ids)
    assert sentencepiece.decode(ids) == " </s><s> <unk>"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokenizer.ggml.model": "bert"}, "'bert'"),
        ({"tokenizer.ggml.pre": "tekken"}, "'tekken'"),
        ({"tokenizer.ggml.merges": ["nothing here"]}, "does not fit together"),
        ({"tokenizer.ggml.eos_token_id": mx.array(10**6)}, "does not fit together"),
        ({"tokenizer.ggml.token_type": mx.array([1])}, "does not fit together"),
        ({"tokenizer.ggml.tokens": None}, "tokenizer.ggml.tokens"),
        ({"tokenizer.ggml.pre": None}, "tokenizer.ggml.pre"),
    ],
)
def test_metadata_that_cannot_be_used(bundled_metadata, changes, words):
    metadata = {k: v for k, v in {**bundled_metadata, **changes}.items() if v is not None}
    with pytest.raises(TokenizerError, match=words):
        tokenizer_from_gguf(metadata)


def test_files_that_cannot_be_used(tmp_path, bundled_path):
    truncated = tmp_path / "cut.gguf"
    truncated.write_bytes(bundled_path.read_bytes()[:5000])
    other = tmp_path / "model.bin"
    other.write_bytes(b"?")
    for path, words in [
        (truncated, "cannot be read as a GGUF file"),
        (other, "neither a folder nor a .gguf file"),
        (tmp_path / "none.gguf", "nothing at"),
    ]:
        with pytest.raises(TokenizerError, match=words):
            load_tokenizer(path)
