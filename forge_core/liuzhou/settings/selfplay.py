"""Settings of self-play: how many games, how each move is searched and chosen."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.ranges import check_numbers
from forge_core.settings import like, setting

CPU_GAMES, CUDA_GAMES = 128, 4096
"""games side by side, by device"""
MOST_GAMES = 1 << 17
MAX_MOVES = 144
"""of a game: see the rules, which settings do not import"""
MOST_OPENING = 17
"""random placements: the board is not full after them, whatever is marked"""

_SEARCH, _MOVES = "Search of self-play", "Moves of self-play"


@dataclass(frozen=True, slots=True)
class SelfPlaySettings:
    """Settings of self-play. Raises BadInput for values out of range."""

    games: int | None = setting(
        None,
        "Games played side by side.",
        default_text=f"{CPU_GAMES} on a CPU, {CUDA_GAMES:,} on CUDA",
        panel=_SEARCH,
    )
    tables: int = setting(
        2,
        "Groups into which the games are divided on a CPU; each is played by its own thread.",
        panel=_SEARCH,
    )
    sims: int = like(SearchSettings, "sims", default=32, help="Simulations of a full search.", panel=_SEARCH)
    fast_sims: int = setting(
        8, "Simulations of a fast search, whose visits do not teach the policy.", panel=_SEARCH
    )
    full_share: float = setting(0.4, "Share of plies with a full search.", metavar="P", panel=_SEARCH)
    c: float = like(SearchSettings, "c", panel=_SEARCH)
    fpu: float | None = like(SearchSettings, "fpu", panel=_SEARCH)
    beta: float = like(SearchSettings, "beta", default=0.5, panel=_SEARCH)
    draw_scale: float = like(SearchSettings, "draw_scale", panel=_SEARCH)
    noise: float = setting(
        0.25, "Share of random noise in the priors of the root, in full searches.", panel=_SEARCH
    )
    playouts: int = setting(64, "Random games per position while there is no network yet.", panel=_SEARCH)
    opening: int = setting(
        6, "A game begins with 0 to this many random actions, which are not used for training.", panel=_MOVES
    )
    handicap: float = setting(
        0.2,
        "Share of games in which one side plays at random for some plies. Only later plies are used for "
        "training; from these, networks learn to finish games that are nearly won.",
        metavar="P",
        panel=_MOVES,
    )
    handicap_plies: int = setting(
        80, "Plies of a handicap: 0 to this many, counted from the start of the game.", panel=_MOVES
    )
    warm_plies: int = setting(
        20, "Plies of a game in which moves are drawn in proportion to their visits.", panel=_MOVES
    )
    temperature: float = setting(
        0.5, "Temperature of later draws: visits to the power of 1 / temperature.", panel=_MOVES
    )

    def __post_init__(self) -> None:
        check_numbers(self)
        self.search(full=True)
        if self.fast_sims < 1:
            raise BadInput(f"fast-sims {self.fast_sims}: use at least 1")
        self.search(full=False)
        if self.games is not None and not 1 <= self.games <= MOST_GAMES:
            raise BadInput(f"{self.games} games side by side: use 1..{MOST_GAMES:,}")
        if not 1 <= self.tables <= (self.games or CPU_GAMES):
            raise BadInput(f"{self.tables} tables: use at least 1, and no more than there are games")
        if not 0 < self.full_share <= 1:
            raise BadInput(f"full share {self.full_share}: use a number above 0, up to 1")
        if not 0 <= self.opening <= MOST_OPENING:
            raise BadInput(f"an opening of {self.opening} actions: use 0 to {MOST_OPENING}")
        if not (0 <= self.handicap <= 1 and 0 <= self.handicap_plies < MAX_MOVES):
            raise BadInput(
                f"handicap {self.handicap} over {self.handicap_plies} plies: use 0 to 1, and fewer plies "
                f"than the {MAX_MOVES} of the longest game"
            )
        if self.playouts < 1 or self.warm_plies < 0:
            raise BadInput(
                f"{self.playouts} playouts, {self.warm_plies} warm plies: use at least 1 and at least 0"
            )
        if not 0 < self.temperature <= 1:
            raise BadInput(f"temperature {self.temperature}: use a number above 0, up to 1")

    def search(self, full: bool) -> SearchSettings:
        """Return the settings of a full or of a fast search."""
        return SearchSettings(
            sims=self.sims if full else self.fast_sims,
            c=self.c,
            fpu=self.fpu,
            beta=self.beta,
            draw_scale=self.draw_scale,
            noise=self.noise if full else 0.0,
        )

    def games_on(self, device: str) -> int:
        """Return the number of games side by side on a device (`cpu` or `cuda:N`)."""
        return self.games or (CPU_GAMES if device == "cpu" else CUDA_GAMES)
