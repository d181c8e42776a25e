"""The first command on a new Dagster instance, before several processes use it; the Makefile runs it."""

from __future__ import annotations

import sys

from forge_core.errors import BadInput


def main() -> int:
    """Create the tables of the instance of DAGSTER_HOME, its pool and the partitions of all games.

    So the UI shows the partitions at once, not only after the first tick of the sensor that lists them.
    Return the exit status.
    """
    from forge_assets.games import all_games
    from forge_assets.resources import COMPUTE_POOL, find_instance

    try:
        instance = find_instance()
        # Dagster does not limit a pool when it first sees it.
        instance.event_log_storage.set_concurrency_slots(COMPUTE_POOL, 1)
        for game in all_games():
            game.register(instance, ())
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
