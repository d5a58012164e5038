"""Where the time and the memory of any Python program go: runs under a profiler, kept, compared, repeated."""
