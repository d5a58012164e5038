"""pytest's command line, chosen safely: what runs, where, on how many workers."""
