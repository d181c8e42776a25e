"""Names of folders that settings, verbs and runs refer to, and of networks that have no folder."""

RUNS = "runs"
"""default folder of all runs"""

ALIASES = ("champion", "challenger")
"""networks in the registry of the pipeline, each of which is one of a kind"""


def fetch_text(alias: str) -> str:
    """Return the error for an alias in a place where a player or the folder of a network belongs."""
    return (
        f"{alias!r} is a network in the registry of the pipeline: copy it with forge-pipeline fetch {alias} "
        "--objective KIND, and name the folder that the command prints"
    )
