"""Text to ids and back, whole and streamed, for every kind of tokenizer."""

import json
import shutil

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from mlx_entropix.errors import PromptError, TokenizerError
from mlx_entropix.text import load_tokenizer

# Control tokens' names too, whole and in pieces, so that they meet arbitrary text.
FRAGMENTS = ["<|im_end|>", "<|eot_id|>", "<|begin_of_text|>", "</s>", "<s>", "<|", "|>", " ", "\n"]
# The bundled vocabulary has tokens for all bytes but those of a few control characters and of the
# last, unassigned planes.
CHARACTERS = st.characters(
    max_codepoint=0x3FFFF, exclude_categories=["Cs"], exclude_characters="\x04\x06\x13\x14\x16\x1d"
)
TEXTS = st.lists(st.text(CHARACTERS) | st.sampled_from(FRAGMENTS), max_size=6).map("".join)
KINDS = ["smollm2", "llama_3", "sentencepiece"]


@pytest.fixture(params=KINDS)
def tokenizer(request):
    return request.getfixturevalue(request.param)


def streamed(tokenizer, ids):
    decoder = tokenizer.stream_decoder()
    return [*(decoder.add(id) for id in ids), decoder.finish()]


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_byte_level_text_comes_back(smollm2, llama_3, text):
    for tokenizer in (smollm2, llama_3):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        pieces = streamed(tokenizer, ids)
        assert "".join(pieces) == text
        assert pieces[-1] == ""  # every character was out as soon as it was whole


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_sentencepiece_text_comes_back_behind_a_space(sentencepiece, text):
    ids = sentencepiece.encode(text)
    # A SentencePiece vocabulary has one character for a space, so "▁" itself reads as one.
    assert sentencepiece.decode(ids) == (" " + text if text else "").replace("▁", " ")
    assert "".join(streamed(sentencepiece, ids)) == sentencepiece.decode(ids)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_stream_of_random_ids_is_their_decoding(smollm2, llama_3, sentencepiece, data):
    for tokenizer in (smollm2, llama_3, sentencepiece):
        size = tokenizer.vocabulary_size + 3  # a padded output layer has ids without a token
        ids = data.draw(st.lists(st.integers(0, size - 1) | st.integers(0, min(300, size - 1))))
        assert "".join(streamed(tokenizer, ids)) == tokenizer.decode(ids)


def test_bytes_without_a_token_are_left_out(smollm2):
    assert smollm2.decode(smollm2.encode("a\x04b")) == "ab"


def test_half_a_character_waits_for_its_other_half(smollm2):
    ids = smollm2.encode("a 🦉b")
    pieces = streamed(smollm2, ids)
    assert len(ids) > 4  # the owl takes several tokens
    assert [p for p in pieces if p] == ["a", " ", "🦉", "b"]
    assert streamed(smollm2, ids[:-2])[-1] == "\ufffd"


def test_single_tokens_read_well(smollm2, sentencepiece):
    owl = smollm2.encode("🦉")
    assert smollm2.token_text(owl[0]).startswith("\\x")
    assert smollm2.token_text(smollm2.encode(" Paris")[0]) == " Paris"
    assert smollm2.token_text(60000) == "<|60000|>"
    assert smollm2.decode([60000]) == ""
    assert sentencepiece.token_text(3 + ord("A")) == "A"
    assert sentencepiece.token_text(3 + 0xE2) == "\\xe2"


def test_control_tokens_have_names_and_no_text(tokenizer):
    for id in tokenizer.eos_token_ids:
        assert tokenizer.token_text(id).startswith("<")
        assert tokenizer.decode([id]) == ""


def test_the_clarifying_token(smollm2, sentencepiece):
    assert smollm2.token_text(smollm2.first_token_of(" ...")) == " ..."
    assert smollm2.token_text(smollm2.first_token_of(" unquestionably so")) == " unquestion"
    first = sentencepiece.first_token_of(" ...")
    assert sentencepiece.token_text(first) in {" ", " .", " ..", " ..."}
    assert sentencepiece.token_text(sentencepiece.first_token_of("fox")) in {"f", "fo", "fox"}
    with pytest.raises(PromptError, match="empty"):
        smollm2.first_token_of("")


def test_prompts_that_are_no_text(tokenizer):
    with pytest.raises(PromptError, match=r"U\+D83D\) at character 4"):
        tokenizer.encode("ab \ud83d")
    with pytest.raises(PromptError, match="not bytes"):
        tokenizer.encode(b"ab")


def test_a_folder_encodes_as_transformers_does(llama_3, llama_3_folder):
    theirs = AutoTokenizer.from_pretrained(llama_3_folder)
    for text in ["Hello world, it's 12345!", "  spaces  \n\n\tdéjà vu 日本", ""]:
        assert llama_3.encode(text) == theirs.encode(text)
        assert llama_3.encode(text)[0] == theirs.bos_token_id
    assert llama_3.vocabulary_size == len(theirs)


def test_a_folder_names_all_its_ends(llama_3):
    names = {llama_3.token_text(id) for id in llama_3.eos_token_ids}
    assert names == {"<|end_of_text|>", "<|eot_id|>", "<|eom_id|>"}


def test_words_that_a_checkpoint_added_stay_words(llama_3_folder, tmp_path):
    folder = tmp_path / "added"
    shutil.copytree(llama_3_folder, folder)
    backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.add_tokens(["entropix", "      ", "<think>"])
    backend.save(str(folder / "tokenizer.json"))
    tokenizer = load_tokenizer(folder)
    word, spaces, think = (backend.token_to_id(t) for t in ("entropix", "      ", "<think>"))
    ids = tokenizer.encode("an entropix      <think> <|eot_id|>")
    assert {word, spaces} <= set(ids)
    assert think not in ids
    assert tokenizer.decode(ids) == "an entropix      <think> <|eot_id|>"
    assert tokenizer.token_text(think) == "<think>"


def test_a_training_length_in_the_file_cuts_nothing(llama_3_folder, tmp_path):
    folder = tmp_path / "cut"
    shutil.copytree(llama_3_folder, folder)
    backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.enable_truncation(8)
    backend.enable_padding(length=8)
    backend.save(str(folder / "tokenizer.json"))
    tokenizer = load_tokenizer(folder)
    assert tokenizer.decode(tokenizer.encode("fox " * 50)) == "fox " * 50
    assert len(tokenizer.encode("x")) == 2
    text = "word " * 50
    assert tokenizer.decode(tokenizer.chat([{"role": "user", "content": text}])).count("word") == 50


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tokenizer.json", "{", "cannot be used"),
        ("tokenizer.json", None, "has no tokenizer.json"),
        ("generation_config.json", "[1]", "not a JSON object"),
        ("config.json", "\x00", "cannot be used|not JSON"),
    ],
)
def test_folders_that_cannot_be_used(llama_3_folder, tmp_path, name, content, words):
    folder = tmp_path / "broken"
    shutil.copytree(llama_3_folder, folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(TokenizerError, match=words) as caught:
        load_tokenizer(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_without_configs_is_enough(llama_3_folder, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(llama_3_folder / name, tmp_path / name)
    tokenizer = load_tokenizer(tmp_path)
    assert not tokenizer.has_chat_template
    assert {tokenizer.token_text(id) for id in tokenizer.eos_token_ids} == {"<|end_of_text|>"}
    with pytest.raises(PromptError, match="raw prompt"):
        tokenizer.chat([{"role": "user", "content": "Hi"}])
    json.loads((tmp_path / "tokenizer.json").read_text())  # nothing was rewritten
