"""A real GGUF model of 300 kB that the daemon can load: one layer, weights of zero, a vocabulary of bytes."""

import struct

DIM, HEADS = 64, 4
SPECIALS = ("<unk>", "<s>", "</s>")
TEXT, ARRAY, U32, F32, I32 = 8, 9, 4, 6, 5


def tiny(context: int = 512) -> bytes:
    """The file, as llama.cpp's gguf specification describes version 3."""
    vocabulary = [*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256)), *(chr(97 + n) for n in range(26))]
    kinds = [2, 3, 3, *[6] * 256, *[1] * 26]  # unknown, control, byte, normal
    facts = [
        _text_fact("general.architecture", "llama"),
        _text_fact("general.name", "tiny"),
        *(
            _fact(f"llama.{name}", U32, struct.pack("<I", value))
            for name, value in {
                "context_length": context,
                "embedding_length": DIM,
                "block_count": 1,
                "feed_forward_length": DIM,
                "attention.head_count": HEADS,
                "attention.head_count_kv": HEADS,
                "rope.dimension_count": DIM // HEADS,
                "vocab_size": len(vocabulary),
            }.items()
        ),
        _fact("llama.attention.layer_norm_rms_epsilon", F32, struct.pack("<f", 1e-5)),
        _text_fact("tokenizer.ggml.model", "llama"),
        _array("tokenizer.ggml.tokens", TEXT, [_text(token) for token in vocabulary]),
        _array("tokenizer.ggml.scores", F32, [struct.pack("<f", 0)] * len(vocabulary)),
        _array("tokenizer.ggml.token_type", I32, [struct.pack("<i", kind) for kind in kinds]),
        *(
            _fact(f"tokenizer.ggml.{name}_token_id", U32, struct.pack("<I", value))
            for name, value in {"unknown": 0, "bos": 1, "eos": 2}.items()
        ),
    ]
    shapes = {"token_embd.weight": (DIM, len(vocabulary)), "output.weight": (DIM, len(vocabulary))}
    shapes |= {f"blk.0.{name}.weight": (DIM, DIM) for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
    shapes |= {f"blk.0.{name}.weight": (DIM, DIM) for name in ("ffn_gate", "ffn_up", "ffn_down")}
    shapes |= dict.fromkeys(("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"), (DIM,))
    return _file(facts, shapes)


def _file(facts, shapes):
    head, offset = struct.pack("<4sIQQ", b"GGUF", 3, len(shapes), len(facts)) + b"".join(facts), 0
    for name, shape in shapes.items():
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)  # 0: 32-bit floats
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        offset += 4 * count  # a multiple of the alignment, 32, since DIM is one of 8
    return head + bytes(-len(head) % 32) + bytes(offset)


def _text(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _fact(name, kind, value):
    return _text(name) + struct.pack("<I", kind) + value


def _text_fact(name, text):
    return _fact(name, TEXT, _text(text))


def _array(name, kind, values):
    return _fact(name, ARRAY, struct.pack("<IQ", kind, len(values)) + b"".join(values))
