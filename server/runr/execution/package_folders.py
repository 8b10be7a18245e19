"""Where packages are installed in a folder that may hold several environments, as `.tox` does."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: The list that npm writes of what it has installed.
NODE_LIST = ".package-lock.json"
#: What Python installers write about a package, beside its modules.
ABOUT = (".dist-info", ".egg-info", ".egg")

# In a folder of environments, packages are in `envs/dev/lib/python3/site-packages`.
_DEPTH = 6
_MOST_FOLDERS = 2000


def find(top: Path) -> Iterator[Path]:
    """Yield the folders at or below `top` that hold installed packages, the nearest first."""
    waiting = deque([(top, 0)])
    for _ in range(_MOST_FOLDERS):
        if not waiting:
            return
        folder, depth = waiting.popleft()
        with suppress(OSError), os.scandir(folder) as entries:
            found = list(entries)
            if any(each.name == NODE_LIST or each.name.endswith(ABOUT) for each in found):
                yield folder
            elif depth < _DEPTH and folder.name != "node_modules":
                inner = [each.path for each in found if each.is_dir(follow_symlinks=False)]
                waiting.extend((Path(path), depth + 1) for path in sorted(inner))
