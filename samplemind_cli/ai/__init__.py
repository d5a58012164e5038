"""The cached, routed AI core."""
