"""The Docker door: the stack of services around the project."""
