"""Learning from labelled rows, in which every legal action has a value from an oracle or an estimate.

config       Recipe and TrainConfig: the stored configuration of a run
rows         Rows and RowSource; stored: a RowSource that reads rows from disk
metrics      evaluate_q: points lost by choices; answers: a network's answers; scores: stored results
losses       the objectives; data, learner, callbacks: batches, network and hooks for Lightning
train        train: trains on a row source and writes the run's folder
settings     TeachingSettings: what a user can choose; teaching: makes a TrainConfig of it and trains
pictures     training curves, and points lost by ply and by group
"""
