"""The page that shows what was asked, what it cost and how the stack is; and the data it asks `serve` for."""
