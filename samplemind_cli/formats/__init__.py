"""One room per wire format: `client` asks a provider, `server` reads what a client asks us; pure, without I/O."""
