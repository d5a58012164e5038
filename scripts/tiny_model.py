"""Writes tiny Llama models whose answer is known, for tests: `tiny` says SENTENCE, `tiny-endless` repeats it for ever.

A token's embedding is a random unit vector, attention and feed-forward add nothing, and the output matrix maps each
token to the next one of SENTENCE: greedy decoding says it through the whole real machinery. Usage: tiny_model.py FOLDER
"""

import sys
from pathlib import Path

import gguf
import numpy as np

SENTENCE = "A tiny model answers : every layer of the real daemon ran to say this short sentence .".split()  # noqa: SIM905 - as read
DIM, HEADS, CTX = 256, 4, 8192


def write(path: Path, sentence: list[str], *, endless: bool) -> None:
    """One GGUF file."""
    specials = ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>"]
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    words = ["\u2581" + w for w in sentence]
    vocab = specials + bytes_ + words
    types = [2, 3, 3, 3, 3] + [6] * 256 + [1] * len(words)  # unknown, control, byte, normal
    rng = np.random.default_rng(7)
    emb = rng.standard_normal((len(vocab), DIM)).astype(np.float32)
    emb /= np.linalg.norm(emb, axis=1, keepdims=True)
    first = len(specials) + len(bytes_)
    after = dict.fromkeys(range(first), first)  # whatever the prompt ends with, the sentence starts
    after |= {first + i: first + i + 1 for i in range(len(words) - 1)}
    after[len(vocab) - 1] = first if endless else 2
    out = np.zeros_like(emb)
    for token, follower in after.items():
        out[follower] += emb[token] * 4
    w = gguf.GGUFWriter(path, "llama")
    w.add_name(path.stem)
    w.add_context_length(CTX)
    w.add_embedding_length(DIM)
    w.add_block_count(1)
    w.add_feed_forward_length(DIM)
    w.add_head_count(HEADS)
    w.add_head_count_kv(HEADS)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_dimension_count(DIM // HEADS)
    w.add_vocab_size(len(vocab))
    w.add_file_type(0)
    w.add_tokenizer_model("llama")
    w.add_token_list(vocab)
    w.add_token_scores([0.0] * first + [-1.0] * len(words))
    w.add_token_types(types)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    zeros, ones = np.zeros((DIM, DIM), np.float32), np.ones(DIM, np.float32)
    w.add_tensor("token_embd.weight", emb)
    w.add_tensor("output_norm.weight", ones)
    w.add_tensor("output.weight", out)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        w.add_tensor(f"blk.0.{name}.weight", zeros)
    for name in ("attn_norm", "ffn_norm"):
        w.add_tensor(f"blk.0.{name}.weight", ones)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "tiny.gguf", SENTENCE, endless=False)
    write(folder / "tiny-endless.gguf", SENTENCE, endless=True)
