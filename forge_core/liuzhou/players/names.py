"""Players of Liuzhou by name, as the command line writes them: `greedy`, `search:sims=256,model=DIR`.

    random       any legal action
    greedy       most stones after its action
    reply        most stones after the opponent's best reply to it
    playouts:N   tree search with N random games
    network      the policy of a network alone
    search       tree search with a network

A path, which contains a slash, means `search` with that network.
"""

from __future__ import annotations

from forge_core.arena.names import FindModel, PlayerKind, PlayerName, parse_name
from forge_core.arena.names import make_player as make
from forge_core.arena.players import Player, RandomPlayer
from forge_core.errors import BadInput
from forge_core.liuzhou.settings.matches import DEFAULT_PLAYOUTS, MATCH_SIMS, MOST_PLAYOUTS
from forge_core.liuzhou.settings.search import SearchSettings

OBJECTIVE = "liuzhou"
"""the objective of Liuzhou's networks, by which they are found"""


def make_player(text: str, device: str = "auto", find_model: FindModel | None = None) -> Player:
    """Return the player with this name, `NAME` or `NAME:option=value,...`; its network is loaded to `device`.

    find_model: (objective, the word after `model=`) -> the folder; by default, the word is the folder.
    Raises BadInput for a name, option or value that does not exist, DeviceUnavailable.
    """
    return make(text, KINDS, device, find_model, path_kind="search")


def ladder_name(model: str, sims: int) -> str:
    """Return the name of the player that the ladder tests: a network with this many simulations, 0 for none.

    model: the folder of the network, or the name of any player, which stays as it is.
    """
    if model.partition(":")[0] in KINDS:
        return model
    return f"search:sims={sims},model={model}" if sims else f"network:model={model}"


def with_sims(text: str, sims: int) -> str:
    """Return the name of a player with this many simulations, unless the name states a number."""
    name = parse_name(text, KINDS, "search")
    if "sims" not in KINDS[name.kind].options or "sims" in name.options:
        return text
    options = {"sims": str(sims), **name.options}
    return f"{name.kind}:{','.join(f'{option}={value}' for option, value in options.items())}"


def _random(name: PlayerName, device: str) -> Player:
    return RandomPlayer()


def _greedy(name: PlayerName, device: str) -> Player:
    from forge_core.liuzhou.players.greedy import GreedyPlayer

    return GreedyPlayer(reply=name.kind == "reply")


def _playouts(name: PlayerName, device: str) -> Player:
    from forge_core.liuzhou.players.playouts import PlayoutPlayer

    sims = name.whole("sims", DEFAULT_PLAYOUTS)
    if not 1 <= sims <= MOST_PLAYOUTS:
        raise BadInput(f"player {name.text!r}: sims={sims} is not in 1..{MOST_PLAYOUTS:,}")
    return PlayoutPlayer(sims)


def _network(name: PlayerName, device: str) -> Player:
    from forge_core.device import resolve_device
    from forge_core.liuzhou.players.network import LoadedNetwork, PolicyPlayer

    return PolicyPlayer(name.text, LoadedNetwork.load(name.model(), resolve_device(device)))


def _search(name: PlayerName, device: str) -> Player:
    from forge_core.device import resolve_device

    settings = search_settings(name)  # an invalid name is refused before a network is loaded
    folder = name.model()
    from forge_core.liuzhou.players.network import LoadedNetwork, SearchPlayer

    network = LoadedNetwork.load(folder, resolve_device(device))
    return SearchPlayer(name.text, network, network.arenas(settings))


def search_settings(name: PlayerName) -> SearchSettings:
    """Return the settings of a player that searches; draws are worth nothing. Raises BadInput."""
    sims = name.whole("sims", MATCH_SIMS)
    try:
        return SearchSettings(sims)
    except BadInput as error:
        raise BadInput(f"player {name.text!r}: {error}") from None


KINDS: dict[str, PlayerKind[Player]] = {
    "random": PlayerKind((), _random),
    "greedy": PlayerKind((), _greedy),
    "reply": PlayerKind((), _greedy),
    "playouts": PlayerKind(("sims",), _playouts, main="sims"),
    "network": PlayerKind(("model",), _network, OBJECTIVE),
    "search": PlayerKind(("sims", "model"), _search, OBJECTIVE),
}
