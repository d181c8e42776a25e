"""The verbs of `forge liuzhou`; slow imports are inside those that need them."""
