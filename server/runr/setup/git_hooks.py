"""Git hooks that say in every commit which session and which run made it."""

import shutil
from pathlib import Path

from runr.errors import GitError, UsageError
from runr.git import hooks
from runr.git.hooks import OWN_FOLDER, HookInstallRecord, HooksFolder, hook_text, write_hook
from runr.git.repo import Repo, complaint
from runr.setup.install_plan import FilePreview, InstallResult

_AWAY = ".before-runr"
_UNINSTALL = "runr install git-hooks --uninstall"

# How `git config --unset-all` ends where there is nothing to unset.
_NOT_SET = 5


def install(repo: Repo, *, python: str) -> InstallResult:
    """Put the hooks in; those of the repository are run first, and stay as they are.

    Where git already looks for hooks in a folder that runr did not make, that folder
    is left alone: git's setting is pointed to one of runr's that passes everything on.
    """
    place = HooksFolder(repo)
    if place.is_taken() or place.needs_instead():
        return _install_instead(place, python)
    return _install_beside(place, python)


def preview(repo: Repo, *, python: str) -> InstallResult:
    """Say what would be written, and write nothing."""
    place = HooksFolder(repo)
    instead = place.is_taken() or place.needs_instead()
    folder = place.instead if instead else place.beside
    script = hooks.script_text(python, beside=not instead)
    notes = [f"git config core.hooksPath would be {place.instead}"] if instead else []
    shown = [FilePreview(path=_shown(place, folder / name), text=script) for name in OWN_FOLDER]
    return InstallResult(previews=shown, notes=notes)


def uninstall(repo: Repo) -> InstallResult:
    """Take the hooks out; what was edited since is kept."""
    place = HooksFolder(repo)
    receipt = hooks.read_record(place.receipt)
    changed, notes = _give_back(place)
    if place.is_taken():
        changed.append(_shown(place, place.config))
        _restore_setting(place, receipt or HookInstallRecord())
    if place.own.exists():
        if place.instead.exists():
            changed.append(f"{_shown(place, place.instead)}/")
        shutil.rmtree(place.own)
    if receipt is not None and receipt.made_folder and not any(place.beside.iterdir()):
        place.beside.rmdir()
    return InstallResult(
        changed=changed, notes=notes if changed or notes else ["no git hooks were installed here"]
    )


def forget_sessions(repo: Repo) -> list[str]:
    """Remove the hooks that sessions and runs are given by the environment; return what went."""
    place = HooksFolder(repo)
    if place.receipt.exists() or not place.own.exists():
        return []
    shutil.rmtree(place.own)
    return [f"{_shown(place, place.own)}/"]


def _install_beside(place: HooksFolder, python: str) -> InstallResult:
    script = hooks.script_text(python, beside=True)
    changed, unchanged, notes = [], [], []
    if not place.receipt.exists():
        hooks.save_record(place.receipt, HookInstallRecord(made_folder=not place.beside.exists()))
    for name in OWN_FOLDER:
        path = place.beside / name
        found = hook_text(path)
        if found is None and place.beside.joinpath(f"{name}.legacy") in set(place.hooks_beside()):
            path = path.with_name(f"{name}.legacy")
            found = hook_text(path)
        if found is not None and hooks.is_ours(found) and not hooks.is_untouched(found):
            notes.append(f"{_shown(place, path)} was edited and is kept")
            continue
        if found is not None and not hooks.is_ours(found):
            if _is_passed_on(place, name):
                unchanged.append(_shown(place, path))
                continue
            _move_away(place, path)
        if write_hook(path, script):
            changed.append(_shown(place, path))
        else:
            unchanged.append(_shown(place, path))
    return InstallResult(changed=changed, unchanged=unchanged, notes=notes)


def _is_passed_on(place: HooksFolder, name: str) -> bool:
    """Tell whether another tool's hook runs ours."""
    return place.beside / f"{name}.legacy" in set(place.hooks_beside())


def _move_away(place: HooksFolder, path: Path) -> None:
    away = path.with_name(path.name + _AWAY)
    if away.exists() or away.is_symlink():
        raise UsageError(
            f"{_shown(place, away)} is in the way: an earlier hook was kept there",
            next_steps=[f"git hook run {path.name}", "move one of the two files elsewhere"],
        )
    path.rename(away)


def _give_back(place: HooksFolder) -> tuple[list[str], list[str]]:
    """Take our hooks out and put those back that were there before."""
    changed, notes = [], []
    for path in place.hooks_beside():
        if not hooks.is_untouched(hook_text(path) or ""):
            notes.append(f"{_shown(place, path)} was edited and is kept")
            continue
        name = path.name.removesuffix(".legacy")
        away = path.with_name(name + _AWAY)
        if away.exists() or away.is_symlink():
            away.replace(path)
        else:
            path.unlink()
        changed.append(_shown(place, path))
    return changed, notes


def _install_instead(place: HooksFolder, python: str) -> InstallResult:
    written = place.fill(python)
    changed = [f"{_shown(place, place.instead)}/"] if written else []
    if not place.is_taken():
        _take(place)
        changed.append(_shown(place, place.config))
    notes = ["your hooks are run as before: core.hooksPath leads to them by way of runr's folder"]
    if not place.is_taken():
        found = place.configured()
        notes = [
            f"git still takes hooks from {found[1] if found else 'elsewhere'}: see `git config`"
        ]
    return InstallResult(
        changed=changed,
        unchanged=[] if changed else [_shown(place, place.instead)],
        notes=notes,
    )


def _take(place: HooksFolder) -> None:
    """Point git's setting to our folder, and remember where it led."""
    before = place.config.read_bytes().decode("utf-8", "surrogateescape")
    found = place.configured()
    remembered = place.instead / ".before"
    remembered.unlink(missing_ok=True)
    if found is not None and found[0] == "local":
        place.repo.run("config", "--file", str(remembered), "core.hooksPath", found[1])
    place.repo.run("config", "--local", "core.hooksPath", str(place.instead))
    after = place.config.read_bytes().decode("utf-8", "surrogateescape")
    hooks.save_record(place.receipt, HookInstallRecord(config_before=before, config_after=after))


def _restore_setting(place: HooksFolder, receipt: HookInstallRecord) -> None:
    """Give the setting back, and where nothing else changed, every byte of the file."""
    current = place.config.read_bytes().decode("utf-8", "surrogateescape")
    if receipt.config_before is not None and current == receipt.config_after:
        place.config.write_bytes(receipt.config_before.encode("utf-8", "surrogateescape"))
        return
    known = place.repo.answer(
        *("config", "--file", str(place.instead / ".before"), "--get", "core.hooksPath")
    )
    before = (known or b"").decode("utf-8", "surrogateescape").removesuffix("\n")
    if before:
        place.repo.run("config", "--local", "core.hooksPath", before)
        return
    unset = place.repo.attempt("config", "--local", "--unset-all", "core.hooksPath")
    if not unset.ok and unset.code != _NOT_SET:
        why = complaint(unset.err)
        raise GitError(f"core.hooksPath could not be removed: {why}", next_steps=[_UNINSTALL])


def _shown(place: HooksFolder, path: Path) -> str:
    """Return the path as it is seen from the repository."""
    root = place.repo.path
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
