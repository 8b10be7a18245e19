"""How a shell command can end, as far as its text tells. Pure."""

import re
from collections.abc import Sequence

from runr.tasks import idle_commands, shell_ends
from runr.tasks.shell_ends import EITHER, NO_TEST, OK, End, Ends
from runr.tasks.shell_words import Token, UnclearError, split

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_REDIRECTIONS = frozenset({">", ">>", ">|", "<", ">&", "<&"})
#: The commands of the shell that POSIX calls special.
_SPECIAL = frozenset({":", "eval", "exec", "exit", "set"})
_DEVICE = re.compile(r"/dev/null|[0-9-]")
_NULL = Token("/dev/null")
#: A file in the folder where the command runs.
_MADE = re.compile(r"[\w.-]*\w")
_SIGNALS = frozenset({"EXIT", "0", "HUP", "INT", "PIPE", "QUIT", "TERM"})
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_RESERVED = frozenset(
    (
        *("if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done"),
        *("case", "esac", "select", "function", "!", "{", "}"),
    )
)
#: Commands that may change what the rest of the text means.
_UNFOLLOWED = frozenset({".", "source", "trap", "alias", "break", "continue", "kill"})
#: Commands that succeed whatever the substitutions in their words have ended with.
_DECLARING = frozenset({"export", "readonly", "unset"})
_DECLARED = re.compile(r"[A-Za-z_]\w*(?:=.*)?", re.DOTALL)
#: Programs that start another one with the rest of their words.
_STARTERS = frozenset(
    (
        *("command", "builtin", "exec", "env", "nohup", "nice", "time", "timeout"),
        *("busybox", "xargs", "setsid"),
    )
)

#: Programs that show a file.
_SHOWING = frozenset({"cat", "head", "less", "more", "nl", "tail", "wc", "sort", "uniq"})

#: The options of a shell that make more commands fail, by their letters.
_LETTERS = {"e": "errexit", "u": "nounset"}

_EXITS = frozenset({End.EXIT_OK, End.EXIT_FAILED})

#: Nested deeper than anyone writes by hand.
_DEEPEST = 20


class Reader:
    """One reading of a command: how it can end.

    `options` are those of the shell that make more commands fail, `-e` for example.
    `follows` says that other commands may have run before in the same shell.
    """

    def __init__(
        self,
        command: str,
        *,
        options: frozenset[str] = frozenset(),
        depth: int = 0,
        follows: bool = False,
    ) -> None:
        if depth > _DEEPEST:
            raise UnclearError(command)
        self._tokens = split(command)
        self._at = 0
        self._sets_path = any(token.text.startswith("PATH=") for token in self._tokens)
        self._options = options
        self._inside = 0
        self._depth = depth
        self._follows = follows
        self._passes = False
        self._loops = 0
        self._conditional = 0
        self._written: frozenset[str] = frozenset()

    def ends(self) -> Ends:
        """Return how the whole command can end."""
        found = self._list(())
        if self._at < len(self._tokens):
            raise UnclearError(self._tokens[self._at].text)
        return OK if self._passes else shell_ends.resolved(found)

    def _trap(self, words: Sequence[Token]) -> bool:
        """Tell whether the shell succeeds at its end by a trap, however it gets there."""
        texts = [word.text for word in words]
        if texts[0:1] in ([""], ["-"]) and texts[1:] and _SIGNALS.issuperset(texts[1:]):
            return False  # nothing is called at the end
        if not all(word.plain for word in words) or "exec" in {t.text for t in self._tokens}:
            raise UnclearError("trap")
        if not self._sees(";", "\n", "&&"):
            raise UnclearError("trap")
        if texts[1:] not in (["EXIT"], ["0"]):
            raise UnclearError("trap")
        if self._inner(texts[0]) != frozenset({End.EXIT_OK}):
            raise UnclearError("trap")
        return True

    def _list(self, closing: Sequence[str]) -> Ends:
        """Read commands up to one of the closing words, which is left."""
        found, is_first = OK, True
        while not self._sees(*closing):
            if self._takes("\n"):
                continue
            if self._at >= len(self._tokens):
                if closing:
                    raise UnclearError("no end")
                break
            written = self._written
            following = self._conditions()
            if self._takes("&"):
                following, self._written = OK, written
            elif not (self._takes(";") or self._sees("\n", *closing) or self._is_over()):
                raise UnclearError(self._tokens[self._at].text)
            if is_first and (closing or self._follows):
                following = shell_ends.after_any(following)  # after what came before all of this
            found, is_first = self._then(found, following), False
        # Whether a shell that ends at a failure does so here, shells do not agree.
        ends = "errexit" in self._options and End.FAILED in found
        return found | {End.EXIT_FAILED} if ends else found

    def _then(self, before: Ends, following: Ends) -> Ends:
        found: set[End] = set()
        for end in before:
            if end in _EXITS:
                found.add(end)
                continue
            if "errexit" in self._options and end is End.FAILED:
                found.add(End.EXIT_FAILED)
            found |= shell_ends.after(end, following)
        return frozenset(found)

    def _conditions(self) -> Ends:
        """Read pipelines between `&&` and `||`."""
        found = self._pipeline()
        while self._sees("&&", "||"):
            goes_on = {End.OK, End.NO_TEST} if self._next().text == "&&" else {End.FAILED}
            while self._takes("\n"):
                pass
            self._conditional += 1
            following = self._pipeline()
            self._conditional -= 1
            found = frozenset(
                each
                for end in found
                for each in (shell_ends.after(end, following) if end in goes_on else {end})
            )
        return found

    def _pipeline(self) -> Ends:
        negated = self._takes_word("!")
        found = self._command()
        while self._takes("|") or self._takes("|&"):
            before, found = shell_ends.inside(found), shell_ends.inside(self._command())
            if "pipefail" in self._options and End.FAILED in before:
                found |= {End.FAILED}
        if not negated:
            return found
        opposite = {End.OK: End.FAILED, End.NO_TEST: End.FAILED, End.FAILED: End.OK}
        return frozenset(opposite.get(end, end) for end in found)

    def _command(self) -> Ends:
        self._inside += 1
        found = self._compound()
        self._inside -= 1
        if found is None:
            return self._simple()
        words, opens = self._redirected()
        if words:
            raise UnclearError("words after a compound command")
        return found | {End.FAILED} if opens else found

    def _compound(self) -> Ends | None:
        if self._takes("("):
            found = shell_ends.inside(shell_ends.resolved(self._list((")",))))
            self._next()
        elif self._takes_word("{"):
            found = self._list(("}",))
            self._next()
        elif self._takes_word("if"):
            found = self._choice()
        elif self._takes_word("for"):
            self._skip_list()
            found = self._loop(OK)
        elif self._takes_word("while") or self._takes_word("until"):
            found = self._loop(self._list(("do",)))
        else:
            return None
        return found

    def _skip_list(self) -> None:
        """Skip the variable of a `for`, and the words that it takes."""
        while not self._sees("do"):
            self._next()

    def _loop(self, asked: Ends) -> Ends:
        """Read the body of a loop, with its `done`; it may run never."""
        self._next()
        self._loops += 1
        body = self._list(("done",))
        self._loops -= 1
        self._next()
        return OK | body | (asked & _EXITS)

    def _choice(self) -> Ends:
        """Read what follows `if`, with its `fi`."""
        asked = self._list(("then",))
        self._next()
        chosen = self._list(("elif", "else", "fi"))
        word = self._next().text
        other = OK
        if word == "elif":
            other = self._choice()
        elif word == "else":
            other = self._list(("fi",))
            self._next()
        found: set[End] = set()
        for end in asked:
            if end in _EXITS:
                found.add(end)
            else:
                found |= shell_ends.after(end, other if end is End.FAILED else chosen)
        return frozenset(found)

    def _simple(self) -> Ends:
        words, opens = self._redirected()
        expanded = any(not word.plain for word in words)
        assigned = OK
        while words and _ASSIGNMENT.match(words[0].text):
            assigned = EITHER if words.pop(0).substitutes else assigned
        found = self._started(words) if words else assigned
        if opens:
            found |= {End.FAILED}
            # Some of its own commands end the shell if a file of theirs cannot be opened.
            return found if words and words[0].text not in _SPECIAL else found | {End.EXIT_FAILED}
        return found | {End.FAILED} if "nounset" in self._options and expanded else found

    def _redirected(self) -> tuple[list[Token], bool]:
        """Read words and redirections, and tell whether these open a file, which may fail."""
        words: list[Token] = []
        opened: list[tuple[str, Token]] = []
        while not self._is_over():
            token = self._tokens[self._at]
            if token.is_word:
                words.append(self._next())
            elif token.text in _REDIRECTIONS:
                opened.append((self._next().text, self._next()))
                if words and words[-1].text.isdecimal() and words[-1].bare:
                    words.pop()
            elif token.text == "(":
                raise UnclearError("a function")
            else:
                break
        if not (self._inside or self._conditional):
            self._written |= {file.text for operator, file in opened if _is_made(operator, file)}
        says_nothing = [word.text for word in words] in ([], [":"], ["true"])
        return words, any(
            not (_DEVICE.fullmatch(file.text) or (says_nothing and _is_made(operator, file)))
            for operator, file in opened
        )

    def _started(self, words: Sequence[Token]) -> Ends:
        name = re.sub(r"\A(?:/usr)?/bin/", "", words[0].text)
        if name == "trap" and words[0] is self._tokens[0]:
            self._passes = self._trap(words[1:])
            return OK
        if name in (".", "source") and words[1:] == [_NULL]:
            return OK
        if name in ("break", "continue") and self._loops and self._is_followed():
            return OK
        if name in _UNFOLLOWED or (name in _RESERVED and words[0].bare):
            raise UnclearError(name)
        found = self._of_shell(name, words)
        if found is not None:
            return found
        if not self._sets_path and idle_commands.is_about_machine(words):
            return NO_TEST
        if name in _SHELLS:
            return self._shell(words[1:])
        if name in _STARTERS:
            return self._starter(name, words[1:])
        # What was written before, whatever happened, is there to be read.
        kept = [word for word in words[1:] if not (word.plain and word.text in self._written)]
        shown = words if name not in _SHOWING else [words[0], *kept]
        return idle_commands.ends_of(shown)

    def _is_followed(self) -> bool:
        """Tell whether this ends a command, so that only what comes after it is left out."""
        return self._is_over() or self._sees(";", "\n", "done", "&&", "||", "}", "fi")

    def _of_shell(self, name: str, words: Sequence[Token]) -> Ends | None:
        """Return how a command of the shell itself can end; None for any other."""
        if name == "set":
            self._set(words)
            return OK
        if name in _DECLARING:
            return OK if all(_DECLARED.fullmatch(each.text) for each in words[1:]) else EITHER
        if name == "return" and not self._depth and not self._inside and self._is_over():
            return _exit(words[1:])  # as most shells have it outside of a function
        if name == "return":
            raise UnclearError(name)
        if name == "exit":
            return _exit(words[1:])
        if name == "eval":
            text = " ".join(_plain(words[1:]))
            inner = Reader(text, options=self._options, depth=self._depth + 1, follows=True)
            found = inner.ends()
            self._options |= inner._options
            return found
        return None

    def _inner(self, text: str, options: frozenset[str] = frozenset()) -> Ends:
        return Reader(text, options=options, depth=self._depth + 1).ends()

    def _set(self, words: Sequence[Token]) -> None:
        """Follow what a `set` does; what may not be done leaves the options that are set."""
        begun, names = self._at - len(words), _set_options(words)
        self._options |= {name for name, is_on in names if is_on}
        before = self._tokens[begun - 1].text if begun > 0 else ";"
        alone = before in (";", "\n") and (self._is_over() or self._sees(";", "\n"))
        if alone and not self._inside:
            self._options -= {name for name, is_on in names if not is_on}

    def _shell(self, words: Sequence[Token]) -> Ends:
        """Read what a shell is given with `-c`."""
        options: set[str] = set()
        rest = list(words)
        while rest and rest[0].text.startswith("-"):
            option = rest.pop(0).text
            if option.startswith("--"):
                continue
            options |= {_LETTERS[letter] for letter in option if letter in _LETTERS}
            if option.endswith("o") and rest:
                options.add(rest.pop(0).text)
            if "c" in option and rest and rest[0].plain:
                return shell_ends.inside(self._inner(rest[0].text, frozenset(options)))
        return OK if rest[:1] == [_NULL] else EITHER

    def _starter(self, name: str, words: Sequence[Token]) -> Ends:
        """Read the command that another one starts."""
        rest = list(words)
        if name == "env":
            while rest and (rest[0].text in ("-i", "-") or _ASSIGNMENT.match(rest[0].text)):
                rest.pop(0)
        elif name == "timeout" and rest and re.match(r"\d+[smhd]?\Z", rest[0].text):
            rest.pop(0)
        elif name == "setsid":
            return OK if rest and rest[0].text in ("-f", "--fork") else EITHER
        elif name == "nice" and rest[:1] and rest[0].text == "-n":
            rest = rest[2:]
        if not rest:
            return OK if name == "env" else EITHER
        if name == "xargs":  # further words come from its input
            return OK if rest[0].text in ("true", "echo", ":") else EITHER
        if rest[0].text.startswith("-"):
            return EITHER
        found = self._started(rest)
        if name != "exec":
            return found
        exits = {End.OK: End.EXIT_OK, End.NO_TEST: End.EXIT_OK, End.FAILED: End.EXIT_FAILED}
        return frozenset(exits.get(end, end) for end in found)

    def _is_over(self) -> bool:
        return self._at >= len(self._tokens)

    def _sees(self, *texts: str) -> bool:
        """Tell whether one of these operators or reserved words comes next."""
        if self._is_over():
            return False
        token = self._tokens[self._at]
        return token.text in texts and token.bare

    def _takes(self, operator: str) -> bool:
        if self._sees(operator) and not self._tokens[self._at].is_word:
            self._at += 1
            return True
        return False

    def _takes_word(self, word: str) -> bool:
        if self._sees(word) and self._tokens[self._at].is_word:
            self._at += 1
            return True
        return False

    def _next(self) -> Token:
        if self._is_over():
            raise UnclearError("no end")
        self._at += 1
        return self._tokens[self._at - 1]


def _set_options(words: Sequence[Token]) -> list[tuple[str, bool]]:
    """Return the options that a `set` sets, and those that it takes back."""
    found: list[tuple[str, bool]] = []
    rest = list(words[1:])
    while rest and (word := rest.pop(0)).text[:1] in ("-", "+") and word.text not in ("-", "--"):
        is_on = word.text.startswith("-")
        found += [(_LETTERS[letter], is_on) for letter in word.text if letter in _LETTERS]
        if word.text.endswith("o") and rest:
            word = rest.pop(0)
            found.append((word.text, is_on))
        # With `-n` no command runs, with `-C` a file that is there is not written.
        if not word.plain or "n" in word.text or "C" in word.text:
            raise UnclearError("set")
    return found


def _is_made(operator: str, file: Token) -> bool:
    """Tell whether a redirection makes an empty file where the command runs, as `touch` does."""
    is_written = operator in (">", ">>", ">|") and file.is_word and file.plain
    return is_written and _MADE.fullmatch(file.text) is not None


def _exit(words: Sequence[Token]) -> Ends:
    if not words:
        return frozenset({End.EXIT_LAST})
    if not words[0].plain:
        return frozenset(_EXITS)
    return frozenset({End.EXIT_OK if words[0].text == "0" else End.EXIT_FAILED})


def _plain(words: Sequence[Token]) -> list[str]:
    if not all(word.plain for word in words):
        raise UnclearError("eval")
    return [word.text for word in words]
