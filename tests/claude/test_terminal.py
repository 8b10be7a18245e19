"""What a person sees of the hooks in Claude Code's terminal interface."""

from pathlib import Path

import pytest

from claude.claude_place import Turn, write
from claude.plugin_place import PluginPlace, call
from claude.terminal_session import TerminalSession, open_screen
from fakes.model_api import FakeModel
from runr.status.model import Evidence, State

OPEN = call("run-task", task="foo.md", worker="session")
DONE = call("complete-task", task="foo.md")
#: How a form marks the answer on which the cursor is.
CHOSEN = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"
EDITS = ("--permission-mode", "acceptEdits")


@pytest.fixture
def place(tmp_path: Path, claude_path: Path) -> PluginPlace:
    return PluginPlace(tmp_path, claude_path)


@pytest.mark.long
def test_a_person_sees_open_tasks_a_denied_edit_and_one_reminder(
    place: PluginPlace,
) -> None:
    script: list[Turn] = [
        OPEN,
        write("README.md", "mine now"),
        {"text": "I stop here."},
        {"text": "I stop for good."},
    ]
    with FakeModel(script) as model, TerminalSession(place, model, *EDITS) as terminal:
        terminal.see("SessionStart:startup says: runr: 0 of 1 tasks completed; 1 ready")
        terminal.type("Do foo.md")
        terminal.see("README.md is outside the scope of foo.md")
        terminal.see("It may change only: a.txt")
        terminal.see("I stop here.")
        terminal.see("foo.md is open: complete-task has not been called")
        terminal.see("I stop for good.")
        terminal.see("runr: foo.md is left unverified. To resume it: runr resume")
        terminal.type("/exit")
        assert terminal.ended() == 0
    assert (place.root / "README.md").read_text() == "# A project\n"
    assert place.answer("task-status", "foo.md")["run"]["stop_reason"] == "abandoned"


@pytest.mark.long
def test_a_person_who_types_the_skill_sees_its_hint_and_gets_the_task_done(
    place: PluginPlace,
) -> None:
    script: list[Turn] = [OPEN, write("a.txt", "good"), DONE, {"text": "foo.md is completed."}]
    with FakeModel(script) as model, TerminalSession(place, model, *EDITS) as terminal:
        terminal.see("1 ready")
        terminal.type("/runr run --task foo.md")
        terminal.see("foo.md is completed.")
        terminal.type("/exit")
        assert terminal.ended() == 0
    assert place.kit.entry("foo.md").status is State.COMPLETED


@pytest.mark.long
def test_without_open_tasks_runr_shows_nothing(place: PluginPlace) -> None:
    (place.kit.layout.tasks / "foo.md").unlink()
    with (
        FakeModel([{"text": "Hello yourself."}]) as model,
        TerminalSession(place, model) as terminal,
    ):
        terminal.type("Hello")
        terminal.see("Hello yourself.")
        assert "SessionStart" not in terminal.shown
        assert "hookerror" not in terminal.shown


@pytest.mark.long
def test_enter_alone_confirms_nothing_and_one_choice_does(place: PluginPlace) -> None:
    place.kit.task("m.md", header="type: manual")
    place.commit()
    asks = call("complete-task", task="m.md", reason="The user did it")
    script: list[Turn] = [asks, {"text": "All done."}]
    with FakeModel(script) as model, open_screen(place, model, "Complete m.md") as screen:
        screen.see("The agent says: The user did it")
        screen.press_until("Enter", "This field is required")
        assert not place.kit.layout.status.exists()
        screen.press_until("Right", "No, I do not confirm this")
        screen.press_until("Down", f"{CHOSEN} ◯ Yes, I confirm this myself, as")
        screen.press_until("Enter", "✔ Your answer: Yes")
        screen.press_until("Enter", "All done.")
    entry = place.kit.entry("m.md")
    assert (entry.status, entry.evidence) == (State.COMPLETED, Evidence.ATTESTED)
