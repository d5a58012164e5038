"""The engine's process. It imports only what it needs, as the first token waits for it."""

import json
import os
import sys

QUIET = -1  # below the engine's errors


def serve() -> None:
    """Read the configuration from stdin, print the address to stdout, and serve until stdin closes."""
    import xllamacpp

    order = json.loads(sys.stdin.readline())
    params = xllamacpp.CommonParams()  # its host is 127.0.0.1 and its port any free one
    params.model.path = order["path"]
    params.model_alias = {order["name"]}
    params.api_keys = [order["key"]]  # every user of this machine can reach loopback
    params.n_ctx = order["tokens"]
    params.ctx_shift = False  # a prompt that does not fit is refused, never cut
    params.cpuparams.n_threads = order["threads"]
    params.fit_params = False  # with a context of fixed size there is nothing to fit: saves 0.25 s
    params.warmup = False  # the first prompt warms up as well: saves 0.05 s
    params.ui = False
    params.verbosity = QUIET
    if order["vectors"]:
        params.embedding = True  # of length 1, as its default has it
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        params.n_batch = params.n_ubatch = order["tokens"]  # a text is not cut into pieces
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # a graceful exit would wait for every client
