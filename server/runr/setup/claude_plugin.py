"""Install runr into Claude Code, for a repository or a user, and uninstall exactly that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from runr import __version__
from runr.errors import RunrError, UsageError
from runr.next_steps import commands
from runr.next_steps.setup import after_install, after_user_install
from runr.next_steps.step import CLI
from runr.project import Project
from runr.setup import git_hooks
from runr.setup.claude_files import MCP, SETTINGS, SKILL, ClaudeFiles, Receipt, Written, packaged
from runr.setup.install_plan import (
    Desired,
    FileChange,
    FilePreview,
    InstallResult,
    change_result,
    plan_changes,
    plan_text,
)
from runr.storage.layout import Layout
from runr.workers.program import read_json

#: The folder of the user's plugin, below the folder of the user's settings.
PLUGIN = "skills/runr"

InstallKind = Literal["project", "user", "plugin"]
_SKILL = "skills/runr/SKILL.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One place with runr's skill in it; `version` is None for one without a number.

    `is_current` tells whether its skill is the one that this runr ships.
    """

    kind: InstallKind
    folder: Path
    version: str | None
    is_current: bool

    @property
    def message(self) -> str:
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
        raise RunrError("HOME is not set: cannot locate your settings")
    return Path(home) / ".claude"


def find_installations(root: Path, environment: Mapping[str, str]) -> list[Installation]:
    """Return every place that holds the skill; the first one answers to `/runr`."""
    found = [*_project(root)]
    try:
        config = user_folder(environment)
    except RunrError:
        return found
    return [*found, *_user(config), *_plugins(config)]


def _project(root: Path) -> Iterator[Installation]:
    skill = root / SKILL
    if skill.exists():
        yield Installation(
            kind="project", folder=skill.parent, version=None, is_current=_is_shipped(skill)
        )


def _user(config: Path) -> Iterator[Installation]:
    folder = config / PLUGIN
    manifest = read_json(folder / ".claude-plugin" / "plugin.json")
    skill = folder / _SKILL if manifest else folder / "SKILL.md"
    if skill.exists():
        yield _place("user", folder, manifest.get("version"), skill)


def _plugins(config: Path) -> Iterator[Installation]:
    enabled = read_json(config / "settings.json").get("enabledPlugins", {})
    plugins = read_json(config / "plugins" / "installed_plugins.json").get("plugins", {})
    for name, copies in plugins.items() if isinstance(plugins, dict) else ():
        if name.partition("@")[0] != "runr" or not isinstance(copies, list):
            continue
        if isinstance(enabled, dict) and enabled.get(name) is False:
            continue
        for copy in copies:
            folder = Path(str(copy.get("installPath", "")))
            yield _place("plugin", folder, copy.get("version"), folder / _SKILL)


def _place(kind: InstallKind, folder: Path, version: object, skill: Path) -> Installation:
    number = version if isinstance(version, str) else None
    return Installation(kind=kind, folder=folder, version=number, is_current=_is_shipped(skill))


def _is_shipped(skill: Path) -> bool:
    try:
        return skill.read_text(encoding="utf-8") == packaged("skills/runr")["SKILL.md"]
    except (OSError, UnicodeDecodeError):
        return False


_IN_PLUGIN = f"{PLUGIN}/.installed"
_MANIFEST = f"{PLUGIN}/.claude-plugin/plugin.json"


def install(
    root: Path, *, command: Sequence[str], force: bool = False, only_print: bool = False
) -> InstallResult:
    """Write the skill; merge the MCP server and the hooks into what is there.

    `command` starts runr. A skill that a user edited is kept, and another
    server of our name refused, unless `force` is given.
    """
    here = ClaudeFiles(root)
    receipt = here.load_receipt()
    wanted = Desired.of(command)
    planned = plan_changes(here, receipt, wanted, force=force)
    notes = []
    if Path(command[0]).is_absolute() and any(
        plan.name == MCP and plan.written for plan in planned
    ):
        notes.append(f"{MCP} names {command[0]}, which other machines lack: do not commit it")
    if only_print:
        return _previewed(planned, notes)
    update = {"entry": wanted.entry, "hooks": wanted.hooks}
    message = _carried_out(here, receipt, planned, update, Layout(root).runr / "_")
    steps = CLI.lines(after_install(has_tasks=Layout(root).tasks.is_dir()))
    return replace(message, notes=[*message.notes, *notes], next_steps=steps)


def install_user(
    config: Path, *, found: str | None, force: bool = False, only_print: bool = False
) -> InstallResult:
    """Write the whole plugin into the user's own skills, where Claude Code finds it everywhere.

    `found` is the `runr` that is on PATH, which the plugin needs.
    """
    here = ClaudeFiles(config, _IN_PLUGIN)
    receipt = here.load_receipt()
    if not receipt.files and here.read(f"{PLUGIN}/SKILL.md") is not None and not force:
        raise UsageError(
            f"{config / PLUGIN} holds another skill named runr",
            next_steps=["move it elsewhere", commands.install("claude", "--user")],
        )
    texts = {f"{PLUGIN}/{name}": text for name, text in packaged().items()}
    planned = [plan_text(here, receipt, *item, force=force) for item in texts.items()]
    notes = [] if found else ["runr is not on PATH, where Claude Code looks for it"]
    if only_print:
        return _previewed(planned, notes)
    message = _carried_out(here, receipt, planned, {}, None)
    steps = CLI.lines(after_user_install())
    return replace(message, notes=[*message.notes, *notes], next_steps=steps)


def uninstall(root: Path) -> InstallResult:
    """Take out what `install` wrote; what was edited since keeps the edits."""
    return _taken_out(ClaudeFiles(root), (SKILL, MCP))


def uninstall_project(project: Project) -> InstallResult:
    """Take out what `install` wrote, and what sessions left in the git directory."""
    message = uninstall(project.layout.root)
    gone = git_hooks.forget_sessions(project.repo)
    notes = ["restart open sessions"] if gone else []
    return replace(message, changed=[*message.changed, *gone], notes=[*message.notes, *notes])


def uninstall_user(config: Path) -> InstallResult:
    """Take the user's plugin out again; what was edited since is kept."""
    return _taken_out(ClaudeFiles(config, _IN_PLUGIN), (_MANIFEST,))


def _carried_out(
    here: ClaudeFiles,
    receipt: Receipt,
    planned: Sequence[FileChange],
    update: Mapping[str, object],
    above: Path | None,
) -> InstallResult:
    """Write what is planned; `above` is a file in a further folder that is made for us."""
    changes = {plan.name: plan.written for plan in planned if plan.written is not None}
    if changes:
        # The receipt first, so that an installation cut short can be taken back too.
        own = [str(above.relative_to(here.root))] if above else []
        missing = [folder for name in (*own, *changes) for folder in here.missing_folders(name)]
        here.save_receipt(
            receipt.model_copy(
                update={
                    **{key: value for key, value in update.items() if _concerns(key, changes)},
                    "files": {**receipt.files, **changes},
                    "folders": tuple(dict.fromkeys([*receipt.folders, *missing])),
                    "version": __version__,
                }
            )
        )
        for name, written in changes.items():
            here.write(name, written.after)
    return InstallResult(
        changed=list(changes),
        unchanged=[plan.name for plan in planned if plan.written is None],
        notes=[plan.note for plan in planned if plan.note is not None],
    )


def _concerns(key: str, changes: dict[str, Written]) -> bool:
    return {"entry": MCP, "hooks": SETTINGS}[key] in changes


def _previewed(planned: Sequence[FileChange], notes: list[str]) -> InstallResult:
    shown = [
        FilePreview(path=plan.name, text=plan.written.after) for plan in planned if plan.written
    ]
    message = [plan.note for plan in planned if plan.note is not None]
    return InstallResult(previews=shown, notes=[*message, *notes])


def _taken_out(here: ClaudeFiles, names: Sequence[str]) -> InstallResult:
    receipt = here.load_receipt()
    outcomes = [change_result(here, receipt, name) for name in receipt.files]
    changed = []
    for each in outcomes:
        if each.note is not None or each.text == here.read(each.name):
            continue
        if each.text is None:
            here.remove(each.name)
        else:
            here.write(each.name, each.text)
        changed.append(each.name)
    here.drop_receipt()
    here.remove_empty(receipt.folders)
    notes = [each.note for each in outcomes if each.note is not None]
    return InstallResult(changed=changed, notes=notes or _not_ours(here, receipt, names))


def _not_ours(here: ClaudeFiles, receipt: Receipt, names: Sequence[str]) -> list[str]:
    """Say what is left where nothing was installed from here."""
    if receipt.files:
        return []
    left = [name for name in names if here.read(name) is not None]
    message = [f"{name} was not written by an installation here and is kept" for name in left]
    return message or ["nothing was installed here"]
