"""Git hooks that say in every commit which session and which run made it."""

import shutil
from pathlib import Path

from runr.app.install.installed import Installed, Preview
from runr.errors import GitError, UsageError
from runr.git import hookreceipt, hookscript
from runr.git.hookplace import OWN, HookPlace, text_of, write
from runr.git.hookreceipt import Receipt
from runr.git.repo import Repo

_AWAY = ".before-runr"
_UNINSTALL = "runr install git-hooks --uninstall"


def install(repo: Repo, *, python: str) -> Installed:
    """Put the hooks in; those of the repository are run first, and stay as they are.

    Where git already looks for hooks in a folder of somebody else's, that folder
    is left alone: git's setting is pointed to one of runr's that passes everything on.
    """
    place = HookPlace(repo)
    if place.is_taken() or place.needs_instead():
        return _install_instead(place, python)
    return _install_beside(place, python)


def preview(repo: Repo, *, python: str) -> Installed:
    """Say what would be written, and write nothing."""
    place = HookPlace(repo)
    instead = place.is_taken() or place.needs_instead()
    folder = place.instead if instead else place.beside
    script = hookscript.text(python, beside=not instead)
    notes = [f"git config core.hooksPath would be {place.instead}"] if instead else []
    shown = [Preview(path=_shown(place, folder / name), text=script) for name in OWN]
    return Installed(previews=shown, notes=notes)


def uninstall(repo: Repo) -> Installed:
    """Take the hooks out; what was edited since is kept."""
    place = HookPlace(repo)
    receipt = hookreceipt.read(place.receipt)
    changed, notes = _give_back(place)
    if place.is_taken():
        changed.append(_shown(place, place.config))
        _restore_setting(place, receipt or Receipt())
    if place.own.exists():
        if place.instead.exists():
            changed.append(f"{_shown(place, place.instead)}/")
        shutil.rmtree(place.own)
    if receipt is not None and receipt.made_folder and not any(place.beside.iterdir()):
        place.beside.rmdir()
    return Installed(
        changed=changed, notes=notes if changed or notes else ["no git hooks were installed here"]
    )


def forget_sessions(repo: Repo) -> list[str]:
    """Remove the hooks that sessions and runs are given by the environment; return what went."""
    place = HookPlace(repo)
    if place.receipt.exists() or not place.own.exists():
        return []
    shutil.rmtree(place.own)
    return [f"{_shown(place, place.own)}/"]


def _install_beside(place: HookPlace, python: str) -> Installed:
    script = hookscript.text(python, beside=True)
    changed, unchanged, notes = [], [], []
    if not place.receipt.exists():
        hookreceipt.save(place.receipt, Receipt(made_folder=not place.beside.exists()))
    for name in OWN:
        path = place.beside / name
        found = text_of(path)
        if found is None and place.beside.joinpath(f"{name}.legacy") in set(place.hooks_beside()):
            path = path.with_name(f"{name}.legacy")
            found = text_of(path)
        if found is not None and hookscript.is_ours(found) and not hookscript.is_untouched(found):
            notes.append(f"{_shown(place, path)} was edited and is kept")
            continue
        if found is not None and not hookscript.is_ours(found):
            if _is_passed_on(place, name):
                unchanged.append(_shown(place, path))
                continue
            _move_away(place, path)
        if write(path, script):
            changed.append(_shown(place, path))
        else:
            unchanged.append(_shown(place, path))
    return Installed(changed=changed, unchanged=unchanged, notes=notes)


def _is_passed_on(place: HookPlace, name: str) -> bool:
    """Tell whether another tool's hook runs ours."""
    return place.beside / f"{name}.legacy" in set(place.hooks_beside())


def _move_away(place: HookPlace, path: Path) -> None:
    away = path.with_name(path.name + _AWAY)
    if away.exists() or away.is_symlink():
        raise UsageError(
            f"{_shown(place, away)} is in the way: an earlier hook was kept there",
            next_steps=[f"git hook run {path.name}", "move one of the two files elsewhere"],
        )
    path.rename(away)


def _give_back(place: HookPlace) -> tuple[list[str], list[str]]:
    """Take our hooks out and put those back that were there before."""
    changed, notes = [], []
    for path in place.hooks_beside():
        if not hookscript.is_untouched(text_of(path) or ""):
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


def _install_instead(place: HookPlace, python: str) -> Installed:
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
    return Installed(
        changed=changed,
        unchanged=[] if changed else [_shown(place, place.instead)],
        notes=notes,
    )


def _take(place: HookPlace) -> None:
    """Point git's setting to our folder, and remember where it led."""
    before = place.config.read_bytes().decode("utf-8", "surrogateescape")
    found = place.configured()
    remembered = place.instead / ".before"
    remembered.unlink(missing_ok=True)
    if found is not None and found[0] == "local":
        place.repo.run("config", "--file", str(remembered), "core.hooksPath", found[1])
    place.repo.run("config", "--local", "core.hooksPath", str(place.instead))
    after = place.config.read_bytes().decode("utf-8", "surrogateescape")
    hookreceipt.save(place.receipt, Receipt(config_before=before, config_after=after))


def _restore_setting(place: HookPlace, receipt: Receipt) -> None:
    """Give the setting back, and where nothing else changed, every byte of the file."""
    current = place.config.read_bytes().decode("utf-8", "surrogateescape")
    if receipt.config_before is not None and current == receipt.config_after:
        place.config.write_bytes(receipt.config_before.encode("utf-8", "surrogateescape"))
        return
    known = place.repo.attempt(
        *("config", "--file", str(place.instead / ".before"), "--get", "core.hooksPath")
    )
    before = known.out.decode("utf-8", "surrogateescape").removesuffix("\n") if known.ok else None
    if before:
        place.repo.run("config", "--local", "core.hooksPath", before)
    elif not place.repo.attempt("config", "--local", "--unset-all", "core.hooksPath").ok:
        raise GitError("core.hooksPath could not be taken out", next_steps=[_UNINSTALL])


def _shown(place: HookPlace, path: Path) -> str:
    """Return the path as it is seen from the repository."""
    root = place.repo.path
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
