"""Players of Skull King by name, as the command line writes them: `captain`, `search:100`.

    random, easy, medium, hard, captain   by rules
    search:N                              every action in N worlds, finished by other players
    network:model=DIR                     a network; the path of its folder, with a slash, is enough

Options of `search`: worlds=N, bids=N and plays=N (worlds per bid or play; 0: `me` decides); me=captain and
others=hard, which finish the rounds, by rules or such as models/NAME; fit=1 (worlds in proportion to how well
the bids fit).
"""

from __future__ import annotations

from forge_core.arena.names import FindModel, PlayerKind, PlayerName
from forge_core.arena.names import make_player as make
from forge_core.arena.players import Player
from forge_core.errors import BadInput
from forge_core.skull_king.bots import BOT_NAMES
from forge_core.skull_king.search import SearchSettings

OBJECTIVE = "skull-king"
"""the objective of Skull King's networks, by which they are found"""


def make_player(text: str, device: str = "auto", find_model: FindModel | None = None) -> Player:
    """Return the player with this name. Raises BadInput for a name, option or value that does not exist."""
    return make(text, KINDS, device, find_model, path_kind="network")


player = make_player


def _by_rules(name: PlayerName, device: str) -> Player:
    from forge_core.skull_king.players.bots import RulePlayer

    return RulePlayer(name.kind)


def _search(name: PlayerName, device: str) -> Player:
    from forge_core.skull_king.players.bots import SearchPlayer

    settings = search_settings(name)
    finishers = [name.options.get(option, getattr(settings, option)) for option in ("me", "others")]
    if set(finishers) <= set(BOT_NAMES):
        return SearchPlayer(name.text, settings)
    from forge_core.skull_king.players.playouts import PlayoutSearchPlayer

    me, others = (make_player(finisher, device) for finisher in finishers)
    return PlayoutSearchPlayer(name.text, settings, me, others)


def _network(name: PlayerName, device: str) -> Player:
    from forge_core.device import resolve_device
    from forge_core.skull_king.players.network import NetworkPlayer

    return NetworkPlayer.load(name.model(), resolve_device(device))


def search_settings(name: PlayerName) -> SearchSettings:
    """Return the settings of a search; players in it that are not by rules are left out. Raises BadInput."""
    worlds, fits = name.whole("worlds", SearchSettings().worlds), name.whole("fit", 0) != 0
    bids, plays = (name.whole(key, 0) if key in name.options else None for key in ("bids", "plays"))
    try:
        return SearchSettings(
            worlds=worlds,
            bid_worlds=bids,
            play_worlds=plays,
            **{key: name.options[key] for key in ("me", "others") if name.options.get(key) in BOT_NAMES},
            fit_bids=fits,
        )
    except BadInput as error:
        raise BadInput(f"player {name.text!r}: {error}") from None


KINDS: dict[str, PlayerKind[Player]] = {
    **{name: PlayerKind((), _by_rules) for name in BOT_NAMES},
    "search": PlayerKind(("worlds", "bids", "plays", "me", "others", "fit"), _search, main="worlds"),
    "network": PlayerKind(("model",), _network, OBJECTIVE),
}
