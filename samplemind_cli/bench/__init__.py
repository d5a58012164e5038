"""Benchmarks: measuring, comparing, reporting."""
