"""Git hooks that say in every commit which session and which run made it."""

from pathlib import Path

from runr import nofollow
from runr.errors import GitError, UsageError
from runr.git import hooks
from runr.git.failures import complaint
from runr.git.hooks import OWN_HOOKS, HookInstallRecord, HooksFolder, hook_text, write_hook
from runr.git.repo import Repo
from runr.next_steps import commands
from runr.setup.install_plan import FilePreview, InstallResult

_AWAY = ".before-runr"

# How `git config --unset-all` ends where there is nothing to unset.
_NOT_SET = 5


def install(repo: Repo, *, python: str) -> InstallResult:
    """Install the hooks; those of the repository are kept, and run first.

    Where another tool's folder is configured, it is left alone: the setting is
    pointed to a folder of runr's, which passes every hook on.
    """
    folder = HooksFolder(repo)
    if folder.is_replaced() or folder.needs_replacement():
        return _install_replacement(folder, python)
    return _install_in_default(folder, python)


def preview(repo: Repo, *, python: str) -> InstallResult:
    """Return what would be written, and write nothing."""
    folder = HooksFolder(repo)
    replaced = folder.is_replaced() or folder.needs_replacement()
    target = folder.replacement if replaced else folder.default
    script = hooks.script_text(python, in_default=not replaced)
    notes = [f"git config core.hooksPath would be {folder.replacement}"] if replaced else []
    shown = [FilePreview(path=_shown(folder, target / name), text=script) for name in OWN_HOOKS]
    return InstallResult(previews=shown, notes=notes)


def uninstall(repo: Repo) -> InstallResult:
    """Remove the hooks; one that was edited since is kept."""
    folder = HooksFolder(repo)
    record = hooks.read_record(folder.record)
    changed, notes = _restore_hooks(folder)
    if folder.is_replaced():
        changed.append(_shown(folder, folder.config))
        _restore_setting(folder, record or HookInstallRecord())
    if folder.own.exists():
        if folder.replacement.exists():
            changed.append(f"{_shown(folder, folder.replacement)}/")
        nofollow.remove_tree(folder.own)
    if record is not None and record.made_folder and not any(folder.default.iterdir()):
        folder.default.rmdir()
    return InstallResult(
        changed=changed, notes=notes if changed or notes else ["no git hooks were installed here"]
    )


def forget_sessions(repo: Repo) -> list[str]:
    """Remove the hooks that sessions and runs use; return what was removed."""
    folder = HooksFolder(repo)
    if folder.record.exists() or not folder.own.exists():
        return []
    nofollow.remove_tree(folder.own)
    return [f"{_shown(folder, folder.own)}/"]


def _install_in_default(folder: HooksFolder, python: str) -> InstallResult:
    script = hooks.script_text(python, in_default=True)
    changed, unchanged, notes = [], [], []
    if not folder.record.exists():
        hooks.save_record(folder.record, HookInstallRecord(made_folder=not folder.default.exists()))
    for name in OWN_HOOKS:
        path = folder.default / name
        found = hook_text(path)
        if found is None and folder.default.joinpath(f"{name}.legacy") in set(
            folder.installed_in_default()
        ):
            path = path.with_name(f"{name}.legacy")
            found = hook_text(path)
        if found is not None and hooks.is_ours(found) and not hooks.is_untouched(found):
            notes.append(f"{_shown(folder, path)} was edited and is kept")
            continue
        if found is not None and not hooks.is_ours(found):
            if _is_passed_on(folder, name):
                unchanged.append(_shown(folder, path))
                continue
            _keep_aside(folder, path)
        if write_hook(path, script):
            changed.append(_shown(folder, path))
        else:
            unchanged.append(_shown(folder, path))
    return InstallResult(changed=changed, unchanged=unchanged, notes=notes)


def _is_passed_on(folder: HooksFolder, name: str) -> bool:
    """Tell whether another tool's hook runs ours."""
    return folder.default / f"{name}.legacy" in set(folder.installed_in_default())


def _keep_aside(folder: HooksFolder, path: Path) -> None:
    away = path.with_name(path.name + _AWAY)
    if away.exists() or away.is_symlink():
        raise UsageError(
            f"{_shown(folder, away)} is in the way: an earlier hook was kept there",
            next_steps=[
                commands.git("hook", "run", path.name),
                "move one of the two files elsewhere",
            ],
        )
    path.rename(away)


def _restore_hooks(folder: HooksFolder) -> tuple[list[str], list[str]]:
    """Remove runr's hooks and restore those that they replaced."""
    changed, notes = [], []
    for path in folder.installed_in_default():
        if not hooks.is_untouched(hook_text(path) or ""):
            notes.append(f"{_shown(folder, path)} was edited and is kept")
            continue
        name = path.name.removesuffix(".legacy")
        away = path.with_name(name + _AWAY)
        if away.exists() or away.is_symlink():
            away.replace(path)
        else:
            path.unlink()
        changed.append(_shown(folder, path))
    return changed, notes


def _install_replacement(folder: HooksFolder, python: str) -> InstallResult:
    written = folder.fill(python)
    changed = [f"{_shown(folder, folder.replacement)}/"] if written else []
    if not folder.is_replaced():
        _set_hooks_path(folder)
        changed.append(_shown(folder, folder.config))
    notes = ["your hooks are run as before: core.hooksPath leads to them through runr's folder"]
    if not folder.is_replaced():
        found = folder.configured()
        notes = [
            f"git still uses the hooks in {found[1] if found else 'elsewhere'}: see `git config`"
        ]
    return InstallResult(
        changed=changed,
        unchanged=[] if changed else [_shown(folder, folder.replacement)],
        notes=notes,
    )


def _set_hooks_path(folder: HooksFolder) -> None:
    """Point git's setting to runr's folder, and record what it was."""
    before = folder.config.read_bytes().decode("utf-8", "surrogateescape")
    found = folder.configured()
    remembered = folder.replacement / ".before"
    remembered.unlink(missing_ok=True)
    if found is not None and found[0] == "local":
        folder.repo.run("config", "--file", str(remembered), "core.hooksPath", found[1])
    folder.repo.run("config", "--local", "core.hooksPath", str(folder.replacement))
    after = folder.config.read_bytes().decode("utf-8", "surrogateescape")
    hooks.save_record(folder.record, HookInstallRecord(config_before=before, config_after=after))


def _restore_setting(folder: HooksFolder, record: HookInstallRecord) -> None:
    """Restore the setting, and where nothing else changed, every byte of the file."""
    current = folder.config.read_bytes().decode("utf-8", "surrogateescape")
    if record.config_before is not None and current == record.config_after:
        folder.config.write_bytes(record.config_before.encode("utf-8", "surrogateescape"))
        return
    known = folder.repo.answer(
        *("config", "--file", str(folder.replacement / ".before"), "--get", "core.hooksPath")
    )
    before = (known or b"").decode("utf-8", "surrogateescape").removesuffix("\n")
    if before:
        folder.repo.run("config", "--local", "core.hooksPath", before)
        return
    unset = folder.repo.attempt("config", "--local", "--unset-all", "core.hooksPath")
    if not unset.ok and unset.code != _NOT_SET:
        why = complaint(unset.err)
        raise GitError(
            f"core.hooksPath could not be removed: {why}",
            next_steps=[commands.install("git-hooks", "--uninstall")],
        )


def _shown(folder: HooksFolder, path: Path) -> str:
    """Return the path as it is seen from the repository."""
    root = folder.repo.path
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
