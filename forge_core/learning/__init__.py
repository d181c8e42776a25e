"""Learning, for any game: modules shared by all kinds of learning, and a package for each kind.

Any kind of training (self-play, policy gradients, ...) can use these modules, listed bottom-up:

    spec         TokenSpec: the encoding of a game as tokens, and the places where answers are read
    choice       choose: the rule for choosing an action from answers
    precision    resolve_precision: replaces `auto` by the best precision for the device
    networks     register: names an architecture; network.Network: the base class of all networks
    checkpoints  save_model, load_model: trained networks of any registered architecture
    onnx         export_onnx: writes a network as an ONNX file after comparing it with torch
    resumption   write_checkpoint, read_checkpoint, generator_states: the complete state of a run
    runs         claim_folder, Progress, TrainResult, Follower: the folder of a run, its curve and result

    labelled/    learning from labelled rows, which have a value for every legal action

A new kind of learning is a training loop. It first claims a folder (`runs.claim_folder`), or reads the
state of an earlier run (`resumption.read_checkpoint`). After each evaluation it extends the curve
(`runs.Progress.add`, `runs.write_curve`), saves the network if it is the best
(`checkpoints.save_model`), and saves its own state (`resumption.write_checkpoint`). At the end it
returns a `runs.TrainResult`. Losses, buffers and schedules are up to the loop. Nothing in this package
depends on a game.
"""
