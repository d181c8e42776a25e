"""Learning, for any game: a TokenSpec and rows go in, a model comes out."""
