"""Other people's tools on a `serve` of ours: what each has to be told, and a server for it."""
