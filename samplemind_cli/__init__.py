"""samplemind: the developer CLI for AI applications."""

__version__ = "0.1.0"
