"""The page of a game: the files of its own folder, next to those that the pages of all games share.

A page of its own leads to all games.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

SHARED = Path(__file__).parent / "shared"
"""The folder of shared files: style.css, modules, and index.html as a template"""
DOOR = Path(__file__).parent / "door"
"""The folder of the page that leads to all games"""
INDEX, TOOLS, ICON = "index.html", "tools.html", "icon.svg"
SETTINGS = "settings.json"
"""what a page loads about networks of the user's choice; see `own_network`"""
_BACK = f'<a id="door" href="../{INDEX}">All games</a>'

PageFiles = dict[str, Path | bytes]
"""files by name, such as `shared/style.css`: where they lie, or their content"""


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one game."""

    name: str
    """of its folder behind the page of all games, and of the game on the command line"""
    title: str
    """the name of the game for people"""
    summary: str
    """one sentence for the page of all games"""
    folder: Path
    """main.mjs, worker.mjs, style.css, icon.svg, tools.html (controls of the header), and what they load"""
    extra: Mapping[str, Path] = field(default_factory=dict)
    """files that lie elsewhere, such as the weights of a network"""

    def files(self) -> PageFiles:
        """Return the files of the page on its own; shared ones are in `shared/`."""
        own: PageFiles = {file.name: file for file in self.folder.iterdir()}
        del own[TOOLS]
        return own | dict(self.extra) | _shared() | {INDEX: self.index(), SETTINGS: b"{}"}

    def index(self, back: str = "") -> bytes:
        """Return index.html. back: a link to the page of all games."""
        tools = (self.folder / TOOLS).read_text().strip()
        template = Template((SHARED / INDEX).read_text())
        return template.substitute(title=self.title, tools=tools, back=back).encode()


def door_files(pages: Sequence[Page]) -> PageFiles:
    """Return the files of a page that leads to these pages, each in a folder of its name."""
    games = "\n".join(map(_link, pages))
    files: PageFiles = {file.name: file for file in DOOR.iterdir()}
    files[INDEX] = Template((DOOR / INDEX).read_text()).substitute(games=games).encode()
    for page in pages:
        of_game = page.files() | {INDEX: page.index(_BACK)}
        files |= {f"{page.name}/{name}": file for name, file in of_game.items()}
    return files | _shared()


def _shared() -> PageFiles:
    return {f"shared/{file.name}": file for file in SHARED.iterdir() if file.name != INDEX}


def _link(page: Page) -> str:
    return (
        f'<a href="{page.name}/{INDEX}"><img src="{page.name}/{ICON}" alt="">'
        f"<h2>{escape(page.title)}</h2><p>{escape(page.summary)}</p></a>"
    )
