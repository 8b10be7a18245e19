"""Set Claude Code up, in a repository or for a user, and take exactly that out again."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from runr import __version__
from runr.app.install import git_hooks
from runr.app.install.claude_places import PLUGIN
from runr.app.install.installed import Installed, Preview
from runr.app.install.plan import Plan, Wanted, outcome, plan_text, plans
from runr.app.project import Project
from runr.errors import UsageError
from runr.store.layout import Layout
from runr.store.skillfiles import MCP, SETTINGS, SKILL, ClaudeFiles, Receipt, Written, packaged

_IN_PLUGIN = f"{PLUGIN}/.installed"
_MANIFEST = f"{PLUGIN}/.claude-plugin/plugin.json"


def install(
    root: Path, *, command: Sequence[str], force: bool = False, only_print: bool = False
) -> Installed:
    """Write the skill; merge the MCP server and the hooks into what is there.

    `command` starts runr. A skill that a user edited is kept, and another
    server of our name refused, unless `force` is given.
    """
    here = ClaudeFiles(root)
    receipt = here.load_receipt()
    wanted = Wanted.of(command)
    planned = plans(here, receipt, wanted, force=force)
    notes = []
    if Path(command[0]).is_absolute() and any(
        plan.name == MCP and plan.written for plan in planned
    ):
        notes.append(f"{MCP} names {command[0]}, which other machines lack: do not commit it")
    if only_print:
        return _previewed(planned, notes)
    update = {"entry": wanted.entry, "hooks": wanted.hooks}
    told = _carried_out(here, receipt, planned, update, Layout(root).runr / "_")
    return told.model_copy(update={"notes": [*told.notes, *notes], "next": _next(root)})


def install_user(
    config: Path, *, found: str | None, force: bool = False, only_print: bool = False
) -> Installed:
    """Write the whole plugin into the user's own skills, where Claude Code finds it everywhere.

    `found` is the `runr` that is on PATH, which the plugin needs.
    """
    here = ClaudeFiles(config, _IN_PLUGIN)
    receipt = here.load_receipt()
    if not receipt.files and here.read(f"{PLUGIN}/SKILL.md") is not None and not force:
        raise UsageError(
            f"{config / PLUGIN} holds another skill named runr",
            next_steps=["move it elsewhere, then: runr install claude --user"],
        )
    texts = {f"{PLUGIN}/{name}": text for name, text in packaged().items()}
    planned = [plan_text(here, receipt, *item, force=force) for item in texts.items()]
    notes = [] if found else ["runr is not on PATH, where Claude Code looks for it"]
    if only_print:
        return _previewed(planned, notes)
    told = _carried_out(here, receipt, planned, {}, None)
    steps = ["start `claude` in any repository with tasks and type: /runr status"]
    return told.model_copy(update={"notes": [*told.notes, *notes], "next": steps})


def uninstall(root: Path) -> Installed:
    """Take out what `install` wrote; what was edited since keeps the edits."""
    return _taken_out(ClaudeFiles(root), (SKILL, MCP))


def uninstall_project(project: Project) -> Installed:
    """Take out what `install` wrote, and what sessions left in the git directory."""
    told = uninstall(project.layout.root)
    gone = git_hooks.forget_sessions(project.repo)
    notes = ["start sessions anew that are open now"] if gone else []
    return told.model_copy(
        update={"changed": [*told.changed, *gone], "notes": [*told.notes, *notes]}
    )


def uninstall_user(config: Path) -> Installed:
    """Take the user's plugin out again; what was edited since is kept."""
    return _taken_out(ClaudeFiles(config, _IN_PLUGIN), (_MANIFEST,))


def _carried_out(
    here: ClaudeFiles,
    receipt: Receipt,
    planned: Sequence[Plan],
    update: Mapping[str, object],
    above: Path | None,
) -> Installed:
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
    return Installed(
        changed=list(changes),
        unchanged=[plan.name for plan in planned if plan.written is None],
        notes=[plan.note for plan in planned if plan.note is not None],
    )


def _concerns(key: str, changes: dict[str, Written]) -> bool:
    return {"entry": MCP, "hooks": SETTINGS}[key] in changes


def _previewed(planned: Sequence[Plan], notes: list[str]) -> Installed:
    shown = [Preview(path=plan.name, text=plan.written.after) for plan in planned if plan.written]
    told = [plan.note for plan in planned if plan.note is not None]
    return Installed(previews=shown, notes=[*told, *notes])


def _taken_out(here: ClaudeFiles, names: Sequence[str]) -> Installed:
    receipt = here.load_receipt()
    outcomes = [outcome(here, receipt, name) for name in receipt.files]
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
    return Installed(changed=changed, notes=notes or _not_ours(here, receipt, names))


def _not_ours(here: ClaudeFiles, receipt: Receipt, names: Sequence[str]) -> list[str]:
    """Say what is left where nothing was installed from here."""
    if receipt.files:
        return []
    left = [name for name in names if here.read(name) is not None]
    told = [f"{name} was not written by an installation here and is kept" for name in left]
    return told or ["nothing was installed here"]


def _next(root: Path) -> list[str]:
    begin = [] if Layout(root).tasks.is_dir() else ["runr init"]
    return [*begin, "start `claude` here, approve the server `runr` and type: /runr status"]
