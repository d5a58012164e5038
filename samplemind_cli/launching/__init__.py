"""Sets up third-party tools to use `serve`, and starts a server for them."""
