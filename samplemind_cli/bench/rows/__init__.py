"""What each group of the scoreboard measures, and how."""
