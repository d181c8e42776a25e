"""Learning from judged actions: labelled rows go in, a network that judges actions comes out."""
