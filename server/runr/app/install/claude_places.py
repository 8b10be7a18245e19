"""Where Claude Code finds runr on this machine, and which of several places wins."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runr.errors import RunrError
from runr.store.skillfiles import SKILL, packaged
from runr.workers import claude_files

#: Where a user's own plugin lies, below the folder of the user's settings.
PLUGIN = "skills/runr"

Kind = Literal["project", "user", "plugin"]
_SKILL = "skills/runr/SKILL.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place with runr's skill in it; `version` is None for one without a number.

    `is_current` tells whether its skill is the one that this runr ships.
    """

    kind: Kind
    folder: Path
    version: str | None
    is_current: bool

    @property
    def told(self) -> str:
        """Name the place in a few words."""
        version = f" {self.version}" if self.version else ""
        return f"{self.kind}{version} in {self.folder}"


def user_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the user's own settings of Claude Code."""
    chosen = environment.get("CLAUDE_CONFIG_DIR")
    if chosen:
        return Path(chosen)
    home = environment.get("HOME")
    if not home:
        raise RunrError("HOME is not set, so nobody knows where your settings lie")
    return Path(home) / ".claude"


def find(root: Path, environment: Mapping[str, str]) -> list[Place]:
    """Return every place that holds the skill; the first one answers to `/runr`."""
    found = [*_project(root)]
    try:
        config = user_folder(environment)
    except RunrError:
        return found
    return [*found, *_user(config), *_plugins(config)]


def _project(root: Path) -> Iterator[Place]:
    skill = root / SKILL
    if skill.exists():
        yield Place(
            kind="project", folder=skill.parent, version=None, is_current=_is_shipped(skill)
        )


def _user(config: Path) -> Iterator[Place]:
    folder = config / PLUGIN
    manifest = claude_files.read(folder / ".claude-plugin" / "plugin.json")
    skill = folder / _SKILL if manifest else folder / "SKILL.md"
    if skill.exists():
        yield _place("user", folder, manifest.get("version"), skill)


def _plugins(config: Path) -> Iterator[Place]:
    enabled = claude_files.read(config / "settings.json").get("enabledPlugins", {})
    plugins = claude_files.read(config / "plugins" / "installed_plugins.json").get("plugins", {})
    for name, copies in plugins.items() if isinstance(plugins, dict) else ():
        if name.partition("@")[0] != "runr" or not isinstance(copies, list):
            continue
        if isinstance(enabled, dict) and enabled.get(name) is False:
            continue
        for copy in copies:
            folder = Path(str(copy.get("installPath", "")))
            yield _place("plugin", folder, copy.get("version"), folder / _SKILL)


def _place(kind: Kind, folder: Path, version: object, skill: Path) -> Place:
    number = version if isinstance(version, str) else None
    return Place(kind=kind, folder=folder, version=number, is_current=_is_shipped(skill))


def _is_shipped(skill: Path) -> bool:
    try:
        return skill.read_text(encoding="utf-8") == packaged("skills/runr")["SKILL.md"]
    except (OSError, UnicodeDecodeError):
        return False
