"""Run a command where a clean checkout is mounted over the repository's own path (Linux).

Or, for a worker, where the repository is read-only except for what the worker may write.

A program of its own (`program`), because a process with threads cannot leave its namespaces; it
imports nothing of runr, and little else, since each check waits for it. Absolute paths into the
repository, as editable installs and virtual environments have them, lead to the checkout, and only
for this command.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` takes long to load
import binascii
import ctypes
import marshal
import os
import sys

TYPE_CHECKING = False  # `typing` takes long to load
if TYPE_CHECKING:
    from typing import Any

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_RDONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_RELATIME, _ST_RELATIME = 1 << 21, 4096
#: Flags of a mount with the same value in `statvfs`: nosuid, nodev, noexec, noatime, nodiratime.
_SAME_FLAGS = 2 | 4 | 8 | 1024 | 2048

#: The exit code where nothing could be mounted, as programs that start others use it.
FAILED = 125

_libc = ctypes.CDLL(None, use_errno=True)

#: Imported, it is compiled only once, which it would not be as a script.
_START = "import sys; sys.path.append(sys.argv.pop(1)); import mount_over; mount_over.main()"
_FOLDER = __file__.rpartition("/")[0]


def program(mounts: dict[str, Any], *command: str) -> list[str]:
    """Return the program that mounts, and becomes the command; `main` has the keys of `mounts`."""
    spec = binascii.b2a_base64(marshal.dumps(mounts), newline=False).decode()
    return [sys.executable, "-I", "-S", "-c", _START, _FOLDER, spec, *command]


def main() -> None:
    """Mount what the first argument names, as `program` writes it, and become the command after it.

    Keys of the mounts: the `roots` that become the `checkout`, the first one the working
    directory; the `objects` of the repository with their place `shared` in the checkout; and
    `carried`, each with `target`, `source`, `upper` and `work`; the `covered` other paths to
    the roots, each with the part that is there. Or the folders that are `read_only` and
    `writable`, the folders that are `hidden`, the files in them that are `shown`, and the
    working directory `inside`. Why it has failed is written into the file `failure`, if one is
    named and there: the command could end with the same code.
    """
    mounts, *command = sys.argv[1:]
    spec = marshal.loads(binascii.a2b_base64(mounts))  # noqa: S302 - written by runr
    failure = 2
    try:
        if "failure" in spec:
            failure = os.open(spec["failure"], os.O_WRONLY | os.O_CLOEXEC)
        if "hidden" in spec:
            _confine(spec)
        else:
            _leave_namespaces()
            _mount_all(spec)
        # Python ignores them, and the command would inherit that.
        for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
            _signal.signal(number, _signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - the command is the user's own
    except OSError as error:
        text = f"runr: cannot mount the checkout over the repository: {error}\n"
        os.write(failure, text.encode(errors="surrogateescape"))
        sys.exit(FAILED)


def _confine(spec: dict[str, Any]) -> None:
    _leave_namespaces(even_root=True)
    writable = [(path, _handle(path)) for path in spec["writable"]]
    shown = [(path, _handle(path, os.O_PATH | os.O_CLOEXEC)) for path in spec["shown"]]
    for path in spec["read_only"]:
        _mount(path, path, flags=_BIND | _REC)
        _make_read_only(path)
    for path in spec["hidden"]:
        _mount("tmpfs", path, kind="tmpfs", data="mode=755,size=1m")
    for path, source in writable:
        os.makedirs(path, exist_ok=True)  # noqa: PTH103 - pathlib takes long to load
        _mount(source, path, flags=_BIND | _REC)
    for path, source in shown:
        os.makedirs(path.rpartition("/")[0], exist_ok=True)  # noqa: PTH103 - see above
        _write(path, "")
        _mount(source, path, flags=_BIND)
        _make_read_only(path)
    for path in spec["hidden"]:
        _make_read_only(path)
    # What was mounted outside of a user namespace cannot be unmounted inside, not even by root.
    _leave_namespaces(even_root=True)
    os.chdir(spec["inside"])


def _leave_namespaces(*, even_root: bool = False) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if even_root or uid != 0 or _libc.unshare(_CLONE_NEWNS) != 0:
        _checked(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS), "unshare")
        # The user stays who they are: the command has no rights that they do not have.
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    _mount(None, "/", flags=_REC | _PRIVATE)


def _mount_all(spec: dict[str, Any]) -> None:
    # What the checkout will hide is reached by the handles that are opened before.
    objects, checkout = _handle(spec["objects"]), _handle(spec["checkout"])
    carried = [(each["target"], *map(_handle, _folders(each))) for each in spec["carried"]]
    for root in spec["roots"]:
        _mount(checkout, root, flags=_BIND | _REC)
        _mount(objects, f"{root}/{spec['shared']}", flags=_BIND | _REC)
        _make_read_only(f"{root}/{spec['shared']}")
    for target, *folders in carried:
        _carry(target, *folders)
    for path, inside in spec["covered"]:
        # One that was removed meanwhile has nothing to hide.
        if os.path.lexists(path):
            _mount(f"{spec['roots'][0]}/{inside}", path, flags=_BIND | _REC)
    os.chdir(spec["roots"][0])


def _folders(each: dict[str, str]) -> tuple[str, str, str]:
    return each["source"], each["upper"], each["work"]


def _carry(target: str, source: str, upper: str, work: str) -> None:
    """Mount a folder so that what is written into it does not reach it, else read-only."""
    data = f"lowerdir={source},upperdir={upper},workdir={work}"
    for options in (data, f"{data},userxattr"):
        try:
            _mount("overlay", target, kind="overlay", data=options)
        except OSError:
            continue
        return
    _mount(source, target, flags=_BIND | _REC)
    _make_read_only(target)


def _make_read_only(target: str) -> None:
    known = os.statvfs(target).f_flag
    flags = known & _SAME_FLAGS | (_RELATIME if known & _ST_RELATIME else 0)
    _mount(None, target, flags=_REMOUNT | _BIND | _RDONLY | flags)


def _handle(path: str, flags: int = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) -> str:
    return f"/proc/self/fd/{os.open(path, flags)}"


def _mount(
    source: str | None, target: str, *, kind: str | None = None, flags: int = 0, data: str = ""
) -> None:
    words = (os.fsencode(word) if word else None for word in (source or "none", target, kind))
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(data) or None), target)


def _checked(code: int, what: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib takes long to load
        file.write(text)
