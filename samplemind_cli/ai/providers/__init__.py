"""One adapter per provider: a call described, an event read, and no I/O."""
