"""One room per wire format: `client` for our requests to providers, `server` for clients' requests to us; no I/O."""
