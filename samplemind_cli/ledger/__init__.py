"""What was asked, by whom, what it cost, and what the cache saved: one SQLite file in the state folder."""
