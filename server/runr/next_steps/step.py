"""A next step as data, and how it is written for a shell and for MCP.

Pure.
"""

import re
import shlex
from collections.abc import Collection, Sequence
from typing import NamedTuple


class Location(NamedTuple):
    """Where a command is typed, as far as it is not in the repository that it is about.

    `repo` is what `--repo` was given; `root` is the root of the repository where
    the current folder is another one.
    """

    repo: str = ""
    root: str = ""


HERE = Location()

#: Where a recorded command calls git without saying where.
_GIT = re.compile(r"(^|&& )git (?!-C |config --global )")

#: The bytes of a name that are no text, as Python has them.
_BYTES = re.compile("[\udc80-\udcff]")


class UserStep(NamedTuple):
    """What only the user of an agent can do: the command for a terminal, and what it is for."""

    for_user: str
    why: str = ""

    def __str__(self) -> str:
        """Return it as a sentence."""
        typed = f"For the user, in a terminal: `{self.for_user}`"
        return f"{self.why}. {typed}" if self.why else typed


#: A step as it is in an answer: a text, or what an agent has to leave to its user.
Line = str | UserStep


class NextStep(NamedTuple):
    """One thing to do next: a command and what it is for, or a sentence alone.

    `argv` are the words of the command, `then` those of a second one that needs
    the first to succeed; `script` is a command that was recorded as text for a
    shell. `tool` is the call of an MCP tool that does the same, `words` say it to an
    agent that does it with its own means. `at_root` tells
    that paths in `argv` are relative to the root of the repository.
    """

    argv: tuple[str, ...] = ()
    text: str = ""
    tool: str | None = None
    words: str = ""
    then: tuple[str, ...] = ()
    script: str = ""
    at_root: bool = False

    def __str__(self) -> str:
        """Return the command as it is typed in the repository, or the sentence."""
        return self.shell()

    @property
    def is_command(self) -> bool:
        """Tell whether there is something to type."""
        return bool(self.argv or self.script)

    def shell(self, location: Location = HERE) -> str:
        """Return the command, quoted for a shell at `location`, or the sentence."""
        typed = self.at(location)
        commands = (" ".join(map(_word, words)) for words in (typed.argv, typed.then) if words)
        return typed.script or " && ".join(commands) or self.text

    def at(self, location: Location) -> "NextStep":
        """Return the step as it is typed at `location`."""
        if self.script:
            return self._replace(script=_in_script(self.script, location))
        argv, then = (
            _located(words, location, at_root=self.at_root) for words in (self.argv, self.then)
        )
        return self._replace(argv=argv, then=then, at_root=False)

    def because(self, text: str) -> "NextStep":
        """Return the step with what it is for."""
        return self._replace(text=text)

    def in_words(self, words: str) -> "NextStep":
        """Return the step with what is said of it to an agent."""
        return self._replace(words=words)

    def then_git(self, *words: str) -> "NextStep":
        """Return the step with a command of git's after it."""
        return self._replace(then=("git", *words))


def without_calls(lines: Sequence[Line], calls: Collection[str]) -> list[Line]:
    """Return lines for an agent, none of which is one of the calls; what it was for stays."""
    kept: list[Line] = []
    for line in lines:
        text, _, call = line.rpartition(": ") if isinstance(line, str) else ("", "", "")
        if call.removesuffix(".") in calls:
            kept += [f"{text}."] if text else []
        else:
            kept.append(line)
    return kept


def quoted(name: str) -> str:
    """Return `name` as one shell word that no command takes for an option."""
    return _word(operand(name))


def _word(text: str) -> str:
    """Return `text` as a word for a shell; bytes that are no text are made there by `printf`."""
    if not _BYTES.search(text):
        return shlex.quote(text)
    literal = text.replace("\\", "\\\\").replace("%", "%%").replace("'", "\\047")
    octal = _BYTES.sub(lambda found: f"\\{ord(found[0]) & 0xFF:03o}", literal)
    return f"\"$(printf '{octal}')\""


def operand(name: str) -> str:
    """Return `name` as a word that no command takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def option(name: str, value: str) -> tuple[str, ...]:
    """Return the words of an option with a value that may begin with a hyphen."""
    return (f"{name}={value}",) if value.startswith("-") else (name, value)


def as_steps(steps: Sequence["NextStep | str"]) -> tuple[NextStep, ...]:
    """Return steps, of which those that are text are sentences."""
    return tuple(NextStep(text=step) if isinstance(step, str) else step for step in steps)


def _located(words: tuple[str, ...], location: Location, *, at_root: bool) -> tuple[str, ...]:
    program, *others = words or ("",)
    if program == "runr" and location.repo and "--repo" not in others:
        return (program, *option("--repo", location.repo), *others)
    folder = location.root if at_root else location.repo
    if program == "git" and folder and others[:1] != ["-C"] and "--global" not in others:
        return (program, "-C", folder, *others)
    return words


def _in_script(script: str, location: Location) -> str:
    """Return a recorded command, each of git's in it with the folder, unless it names one."""
    if not location.repo:
        return script
    folder = f"git -C {_word(location.repo)} "
    return _GIT.sub(lambda found: found[1] + folder, script)


class Surface(NamedTuple):
    """Where an answer is read, and how next steps are written there."""

    is_shell: bool
    location: Location = HERE

    def seen_from(self, here: str, root: str) -> "Surface":
        """Return the surface of a reader in the folder `here`, or wherever `--repo` names it."""
        elsewhere = self.location.repo or here != root
        return self._replace(location=self.location._replace(root=root if elsewhere else ""))

    def inline(self, step: NextStep) -> str:
        """Return a step as it is written in a sentence."""
        if not step.is_command:
            return step.text
        typed = f"`{step.shell(self.location)}`"
        return typed if self.is_shell else step.tool or step.words or f"for the user: {typed}"

    def lines(self, steps: Sequence[NextStep]) -> list[Line]:
        """Return steps as they are listed: commands for a shell, calls of tools for an agent.

        An agent gets a command for its user where it is explained, or the only way.
        """
        if not self.is_shell and len(steps) > 1:
            steps = [step for step in steps if step.tool or step.words or step.text] or steps
        return [self._line(step) for step in steps]

    def line(self, step: NextStep) -> str:
        """Return a step as one line of text."""
        return str(self._line(step))

    def _line(self, step: NextStep) -> Line:
        if not step.is_command:
            return step.text
        if self.is_shell:
            return step.shell(self.location)
        call = step.tool or step.words
        if call:
            return f"{step.text}: {call}." if step.text else call
        return UserStep(step.shell(self.location), step.text)


CLI = Surface(is_shell=True)
MCP = Surface(is_shell=False)
