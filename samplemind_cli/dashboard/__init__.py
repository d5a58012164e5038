"""The page that shows requests, costs and the stack; and the data that it gets from `serve`."""
