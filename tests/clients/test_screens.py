"""What Codex shows its user, and what one key alone does."""

from collections.abc import Callable

import pytest

from clients.real_client import TASK, ClientPlace
from fakes.scripted_model import Call

pytestmark = pytest.mark.long

SetUp = Callable[..., ClientPlace]
ASKS = Call("complete-task", task="m.md", reason="The user did it")
#: How Codex marks the selected answer.
CHOSEN = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
STARTS = Call("run-task", task=TASK, worker="session")


def status(there: ClientPlace, task: str) -> tuple[str, str | None]:
    shown = there.place.runr("show", task, "--json").json["task"]
    return shown["status"], shown.get("evidence")


def test_codex_selects_no_first_and_a_person_chooses_yes(set_up: SetUp) -> None:
    there = set_up("codex", [ASKS, ASKS])
    there.place.task("m.md", "type: manual")
    there.install()
    with there.open_screen("go") as screen:
        screen.see("Is m.md done?")
        screen.see(f"{CHOSEN} 1. No, I do not confirm this")
        screen.press_until("Enter", "the user did not confirm this")
        assert status(there, "m.md") == ("pending", None)
        screen.see("Field 1/1")
        screen.press_until("Down", f"{CHOSEN} 2. Yes, I confirm this myself, as Ada Example")
        screen.press_until("Enter", "Done: it is recorded.")
    assert status(there, "m.md") == ("completed", "attested")


def test_codex_asks_whether_to_trust_the_folder_and_before_a_run(set_up: SetUp) -> None:
    there = set_up("codex", [STARTS], trusted=False)
    there.install()
    with there.open_screen("go") as screen:
        screen.see("Trust this folder?")
        screen.see(f"{CHOSEN} 1. Trust and continue")
        screen.press_until("Enter", 'Allow the runr MCP server to run tool "run-task"?')
        screen.see(f"{CHOSEN} 1. Allow")
        assert status(there, TASK) == ("pending", None)
        screen.press_until("Enter", "Called runr.run-task")
    assert status(there, TASK) == ("in_progress", None)
