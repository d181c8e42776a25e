"""Learning from labelled rows, in which every legal action has a value: an oracle's or an estimate.

config       Recipe and TrainConfig: one run, as it is stored
rows         Rows and RowSource; stored: rows on disk as a source
metrics      evaluate_q: points that choices lose; answers: those of a network; scores: kept ones
losses       the objectives; data, learner, callbacks: batches, network and hooks for Lightning
train        train: from a row source to the folder of a run
settings     TeachingSettings: what a user may choose; teaching: from there to a TrainConfig and a run
pictures     curves, and points lost by ply and group
"""
