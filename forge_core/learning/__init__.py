"""Learning for any game: what the kinds of learning share, and a room for each kind.

A map, from the bottom up. What a game's own training (self-play, policy gradients, ...) calls:

    spec         TokenSpec: how a game becomes tokens, and how a network's answers are read
    choice       choose: the action that answers stand for, the same everywhere
    precision    resolve_precision: `auto` becomes what suits the device
    networks     register: give an architecture its name; network.Network: the base of all networks
    checkpoints  save_model, load_model: trained networks of any registered architecture
    onnx         export_onnx: a network as an ONNX file, compared with torch before it is written
    resumption   write_checkpoint, read_checkpoint, generator_states: the state of a run, to the last digit
    runs         claim_folder, Progress, TrainResult, Follower: the folder of a run, its curve and result

    labelled/    learning from judged actions: rows with a value for every legal action

A new kind of learning is a loop that claims a folder (`runs.claim_folder`), or reads the state it
left there (`resumption.read_checkpoint`); after each evaluation adds it to the curve
(`runs.Progress.add`, `runs.write_curve`), saves the network if it is the best
(`checkpoints.save_model`) and its own state (`resumption.write_checkpoint`); and returns a
`runs.TrainResult`. Its losses, buffers and schedules are its own. Nothing here knows a game.
"""
