import subprocess
import sys
from pathlib import Path

from runr.storage.queue import Ticket

_WAIT = "import sys; from runr.storage.queue import Ticket\nfrom pathlib import Path\n"


def test_who_came_first_is_served_first(tmp_path: Path) -> None:
    first, second, third = (Ticket(tmp_path / "main") for _ in range(3))
    assert [each.is_first() for each in (first, second, third)] == [True, False, False]
    second.close()
    assert not third.is_first()
    first.close()
    assert third.is_first()
    fourth = Ticket(tmp_path / "main")
    assert not fourth.is_first()
    third.close()
    third.close()
    assert fourth.is_first()


def test_a_queue_is_free_where_an_owner_was_killed(tmp_path: Path) -> None:
    code = f"{_WAIT}ticket = Ticket(Path(sys.argv[1]))\nprint(1, flush=True)\nsys.stdin.read()"
    words = [sys.executable, "-c", code, str(tmp_path / "main")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        ours = Ticket(tmp_path / "main")
        assert not ours.is_first()
        owner.kill()
    assert ours.is_first()
    ours.close()
    assert [file.name for file in (tmp_path / "main").iterdir()] == ["door"]
