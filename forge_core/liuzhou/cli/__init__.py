"""The verbs of `forge liuzhou`; slow imports stand inside those that need them."""
