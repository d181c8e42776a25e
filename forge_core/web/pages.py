"""The page of a game: the files of its own folder, next to those that the pages of all games share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

SHARED = Path(__file__).parent / "shared"
"""The folder of shared files: style.css, modules, and index.html as a template"""
INDEX, TOOLS = "index.html", "tools.html"


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one game."""

    title: str
    """the name of the game for people"""
    folder: Path
    """main.mjs, worker.mjs, style.css, icon.svg, tools.html (controls of the header), and what they load"""

    def files(self) -> dict[str, Path | bytes]:
        """Return the files by name; shared ones are in `shared/`."""
        own: dict[str, Path | bytes] = {file.name: file for file in self.folder.iterdir()}
        del own[TOOLS]
        shared = {f"shared/{file.name}": file for file in SHARED.iterdir() if file.name != INDEX}
        return own | shared | {INDEX: self._index().encode()}

    def _index(self) -> str:
        tools = (self.folder / TOOLS).read_text().strip()
        return Template((SHARED / INDEX).read_text()).substitute(title=self.title, tools=tools)
