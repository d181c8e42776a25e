"""Learning from labelled rows, in which every legal action has a value: an oracle's or an estimate.

In order: config (Recipe, TrainConfig), rows, stored, metrics, answers, scores, losses, data,
learner, callbacks, train, pictures. `train.train` takes a row source and gives a run folder;
`answers.ask` and `answers.Answers.measure` evaluate a network on any rows.
"""
