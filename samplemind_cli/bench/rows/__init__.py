"""The measurements of the scoreboard, a module for each group."""
