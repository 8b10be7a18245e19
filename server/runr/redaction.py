"""Remove secrets from text before it is written. Pure.

Text is not parsed, and a JSON line stays valid JSON: no pattern matches across a
bare quotation mark or splits an escape sequence.
"""

import json
import re
from binascii import b2a_base64
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, cached_property
from math import lcm

from runr.secret_formats import FORMATS

REDACTED = "[redacted]"

# A value shorter than this is too likely to be an ordinary word.
_LITERAL_LENGTH = 8


# A pattern is compiled on first use, because hooks, which delay a tool call, rarely need one.
_SHAPES = tuple(
    (literal, form, rf"\1{REDACTED}" if form.startswith("(") else REDACTED)
    for literals, form in FORMATS
    for literal in literals
)

# Words that mark the name of a setting as that of a secret, in lower case.
_WORDS = (
    *("token", "secret", "password", "passwd", "passphrase", "credential", "authorization"),
    *("_pwd", "_auth", "key"),
)
_WHOSE_KEY = re.compile(r"(?:api|access|private|signing|encryption|master|account)[_-]?$")

# The rest of the name, the text between name and value, and the value.
_SETTING = r"""
    (?P<tail>[\w.-]{0,40})
    (?P<close>\\*["'])? \]?
    [ \t]* (?P<between>=>|:=|:[ \t]*[A-Za-z][\w.\[\]|<> ]{0,40}=|[:=]) [ \t]*
    (?:
        # In JSON a bare quote after an unquoted name ends the string: no value follows it.
        (?(close)"|"(?!\s*(?:[,}\]:]|\Z))) (?P<double>(?:[^"\\\n]|\\.)*) "
      | '(?P<single>(?:[^'"\\\n]|\\.)*)'
      # Inside a JSON string, or one inside that: as many backslashes at the end as before.
      | (?P<depth>\\(?:\\\\)*)"
        (?P<escaped>
            (?:[^"\\\n] | (?P=depth)(?:\\\\)+" | \\+(?=[^"\\nr]) | (?:\\\\)+(?=[nr]))*
        )(?P=depth)"
      | (?P<scheme>(?i:bearer|basic|token|digest)[ ]+)? (?P<bare>[^\s"'\\$<{\[(=*][^\s"'\\]{0,400})
    )
"""
# The rest of a bare value, of which only the beginning is looked at: or a text in which each word
# is the value of the one before would be read again and again.
_REST = re.compile(r"""[^\s"'\\]*""")
_VALUES = ("double", "single", "escaped", "bare")

# `token_count`, `password_file`, `apiKeySource`: about a secret, not one.
_ABOUT = (
    *("count", "limit", "usage", "budget", "size", "length", "min", "max", "ttl", "type", "kind"),
    *("file", "path", "dir", "url", "uri", "sock", "name", "field", "label", "source", "helper"),
    *("id", "policy", "required", "enabled", "present", "prompt", "expires", "expiry", "in", "at"),
)
_REFERENCE = re.compile(r"\$\w+|\$?\{\{?[^{}]*\}?\}|<[^<>]*>|%\w+%")
_LITERAL_JSON = re.compile(r"(?:-?\d[\d.eE+-]*|true|false|null)(?![^\s,}\]\\])|[{\[]")
_BARE_SECRET = re.compile(r"(?=.*[\d!@#%^*+~])[^\s,;()<>`|&{}\[\]]{6,}")
_SECRET_VARIABLE = re.compile(
    r"TOKEN(?!S|IZ)|SECRET|PASSW|PASSPHRASE|API_?KEY|CREDENTIAL|(?:^|_)(?:KEY|PAT)$|_PWD$",
    re.IGNORECASE,
)


# Of these, the value is often a word such as `required`, or that of an address such as `postgres`.
_OFTEN_SECRET = re.compile(r"(?:^|_)(?:AUTH|SALT|DSN)$|WEBHOOK", re.IGNORECASE)
_ESCAPED = re.compile(r"%([0-9a-fA-F]{2})")
_PASSWORD = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")

# Colours as a terminal gets them, and as they are in a JSON string.
_COLOUR = re.compile(r"(?:\x1b|\\+u001[bB])\[[0-9;]*m")


def redact(text: str) -> str:
    """Return `text` with what looks like a secret replaced by `[redacted]`.

    Where colours divide a secret, all colours of the text are removed.
    """
    return _through_colours(_redact, text)


def _through_colours(redacted: Callable[[str], str], text: str) -> str:
    clean = redacted(text)
    if "\x1b[" in clean or "u001" in clean:
        plain = _COLOUR.sub("", clean)
        without = redacted(plain)
        return without if without != plain else clean
    return clean


def _redact(text: str) -> str:
    for literal, form, replacement in _SHAPES:
        if literal in text:
            text = _compiled(form).sub(replacement, text)
    return _redact_settings(text)


@cache
def _compiled(form: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    return re.compile(form, flags)


def _redact_settings(text: str) -> str:
    kept: list[str] = []
    done = 0
    for start, end in _words(text):
        if start < done or text[end : end + 1].islower():
            continue
        setting = _compiled(_SETTING, re.VERBOSE).match(text, end)
        value = _value(text[start:end], text[start - 1 : start], setting) if setting else None
        if setting and value:
            kept += (text[done : setting.start(value)], REDACTED)
            done = _end(text, setting, value)
    return "".join((*kept, text[done:])) if kept else text


def _end(text: str, setting: re.Match[str], value: str) -> int:
    end = setting.end(value)
    rest = _REST.match(text, end) if value == "bare" else None
    return rest.end() if rest else end


def _words(text: str) -> list[tuple[int, int]]:
    """Return the positions of the words; `find` is many times faster than one pattern."""
    # The only character with a longer lower case would move all later positions.
    lowered = text.replace("\u0130", "I").lower()
    found: list[tuple[int, int]] = []
    for word in _WORDS:
        at = lowered.find(word)
        while at >= 0:
            end = at + len(word)
            if word != "key" or _WHOSE_KEY.search(lowered, max(0, at - 11), at):
                found.append((at, end))
            at = lowered.find(word, end)
    return sorted(found)


def _value(word: str, before: str, setting: re.Match[str]) -> str | None:
    """Return the name of the group that holds a secret, if there is one."""
    if _is_about(word, setting["tail"]):
        return None
    group = next(name for name in _VALUES if setting[name] is not None)
    value = setting[group]
    if not value or _REFERENCE.fullmatch(value):
        return None
    if group != "bare":
        return group
    if setting["close"] and _LITERAL_JSON.match(value):
        return None
    if word.lower() == "token" and value.isdigit():
        return None
    variable = word.isupper() and (setting["between"] == "=" or before == "_")
    return group if variable or setting["scheme"] or _BARE_SECRET.match(value) else None


def _is_about(word: str, tail: str) -> bool:
    """Return whether the word continues (`TOKENS`) or names a property (`token_count`)."""
    goes_on = tail[:1].isupper() and word.isupper()
    return goes_on or tail.lower().endswith(_ABOUT)


class Redactor:
    """Redact what looks like a secret, and the secret values of one environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        values = {
            part
            for name, value in environment.items()
            for part in _secrets(name, value)
            if len(part) >= _LITERAL_LENGTH
        }
        self._numbers = [re.compile(rf"(?<!\d){v}(?!\d)") for v in values if v.isdecimal()]
        texts = [value for value in values if not value.isdecimal()]
        self._texts = texts
        written = {form for v in texts for form in (*_json_forms(v), *_encodings(v))}
        self._in_json = sorted(written, key=len, reverse=True)
        self._in_text = sorted(written | values, key=len, reverse=True)

    @cached_property
    def _lettered(self) -> "_Lettered":
        return _Lettered({form for value in self._texts for form in _in_letters(value)})

    def wrapped(self) -> "Wrapped":
        """Return what redacts encoded secrets that are wrapped over the lines of one stream."""
        return Wrapped(self._lettered)

    def __call__(self, text: str) -> str:
        """Return `text` without secrets; a JSON document stays valid."""
        if self._texts and ("\n" in text or "\\n" in text):
            text = self.wrapped()(text)
        return redact(_through_colours(self._without_values, text))

    def _without_values(self, text: str) -> str:
        is_json = text[:1] in ("{", "[")
        for value in self._in_json if is_json else self._in_text:
            if value in text:
                text = text.replace(value, REDACTED)
        for number in self._numbers if is_json else ():
            # A number must be replaced by a number.
            text = number.sub("0", text)
        return text


def _secrets(name: str, value: str) -> Iterator[str]:
    """Yield what is secret in a variable: all of it by its name, or the password of an address."""
    _, mark, last = name.lower().rpartition("_")
    is_about = last in _ABOUT if mark else last.endswith(_ABOUT)
    if _SECRET_VARIABLE.search(name) and not is_about:
        yield from (value, *value.splitlines())
    often = [value] if _OFTEN_SECRET.search(name) else []
    for password in _PASSWORD.findall(value):
        plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), password)
        often += (password, plain)
    yield from (each for each in often if not each.isalpha())


def _json_forms(value: str) -> set[str]:
    """Return `value` as escaped in a JSON string, and in a JSON string within one."""
    once = {json.dumps(value, ensure_ascii=plain)[1:-1] for plain in (True, False)}
    # Some programs escape slashes, too.
    once |= {form.replace("/", r"\/") for form in once}
    return once | {json.dumps(form)[1:-1] for form in once}


def _encodings(value: str) -> Iterator[str]:
    """Yield `value` in hexadecimal, in base64 and as part of a URL."""
    raw = value.encode()
    yield from (raw.hex(), raw.hex().upper(), raw.hex(":"))
    for whole, end in (*_in_base(raw, 6, _base64), *_in_base(raw, 5, _base32)):
        for form in (whole, end, end.rstrip("=")):
            yield form
            yield form.translate(_URL_SAFE)
    for plain in (_UNRESERVED, _UNRESERVED + b"/"):
        for escape in ("%{:02X}", "%{:02x}"):
            quoted = "".join(chr(byte) if byte in plain else escape.format(byte) for byte in raw)
            # In a form, a space is a plus sign.
            yield from (quoted, quoted.replace("%20", "+"))
    # As a shell quotes it.
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)
    yield re.sub(r"([^\w@%:,./-])", r"\\\1", value)


def _in_letters(value: str) -> Iterator[str]:
    """Yield the encodings of `value` that programs wrap."""
    raw = value.encode()
    yield from (raw.hex(), raw.hex().upper())
    for whole, _ in (*_in_base(raw, 6, _base64), *_in_base(raw, 5, _base32)):
        yield whole
        yield whole.translate(_URL_SAFE)


def _base64(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode()


def _base32(raw: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in raw)
    fives = (bits[at : at + 5].ljust(5, "0") for at in range(0, len(bits), 5))
    letters = "".join(_LETTERS_32[int(five, 2)] for five in fives)
    return letters + "=" * (-len(letters) % 8)


def _in_base(raw: bytes, bits: int, encode: Callable[[bytes], str]) -> Iterator[tuple[str, str]]:
    """Yield the letters that are of the value alone, also with those at the end of it.

    What is encoded together with the value moves it, by as many bytes as a group of letters has.
    """
    for offset in range(lcm(bits, 8) // 8):
        letters = encode(bytes(offset) + raw)
        first = -(-offset * 8 // bits)
        # Where the value is the end of what is encoded, the last letters are its own as well.
        yield letters[first : (offset + len(raw)) * 8 // bits], letters[first:]


_LETTERS_32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_URL_SAFE = str.maketrans("+/", "-_")
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

_KEY_LINES = 200

#: The end of a line, also as it is in a JSON string.
_BREAK = re.compile(r"(\r?\n|(?:\\+r)?\\+n)")
#: As many letters of an encoded secret tell that it is one; no line is wider.
_TELLING, _WIDEST = 6, 200


class _Lettered:
    """Encoded secrets, found by the letters before a break and those behind one."""

    def __init__(self, forms: Collection[str]) -> None:
        self._ends: dict[str, list[tuple[str, int]]] = {}
        self._starts: dict[str, list[tuple[str, int]]] = {}
        for form in forms:
            for at in range(_TELLING, min(len(form), _WIDEST)):
                self._ends.setdefault(form[at - _TELLING : at], []).append((form, at))
            for at in range(1, _TELLING):
                self._starts.setdefault(form[at : at + _TELLING], []).append((form, at))

    def ending(self, line: str) -> list[tuple[str, int]]:
        """Return the secrets that begin at the end of the line, each with its letters there."""
        found = self._ends.get(line[-_TELLING:], ())
        return [(form, at) for form, at in found if line.endswith(form[:at])]

    def continued(self, before: str, line: str) -> list[str]:
        """Return what goes on in a line of secrets that have few letters in the one before."""
        found = self._starts.get(line[:_TELLING], ())
        return [form[at:] for form, at in found if before.endswith(form[:at])]


class Wrapped:
    """Redact encoded secrets of which one line has the beginning, and the next ones the rest."""

    def __init__(self, lettered: _Lettered) -> None:
        self._lettered = lettered
        self._before = ""
        self._rests: list[str] = []

    def __call__(self, text: str) -> str:
        """Return the next line, or lines, without those secrets."""
        pieces = _BREAK.split(text)
        pieces[::2] = map(self._line, pieces[::2])
        return "".join(pieces)

    def _line(self, text: str) -> str:
        line = text.strip()
        start, end, rests = 0, len(line), []
        for rest in (*self._rests, *self._lettered.continued(self._before, line)):
            if line.startswith(rest):
                start = max(start, len(rest))
            elif line and rest.startswith(line):
                start = end
                rests.append(rest[len(line) :])
        for form, at in self._lettered.ending(line):
            end = min(end, len(line) - at)
            rests.append(form[at:])
        self._before, self._rests = line, rests
        if not start and end == len(line):
            return text
        kept = line[start:end] if start < end else ""
        shown = (REDACTED if start else "") + kept + (REDACTED if end < len(line) else "")
        return text.replace(line, shown or REDACTED)


class CleanLines:
    """Redact a stream line by line, including private keys of many lines."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._unwrap = redact.wrapped() if isinstance(redact, Redactor) else str
        self._key_lines_left = 0

    def __call__(self, line: str) -> str:
        """Return the next line without secrets."""
        if self._key_lines_left:
            self._key_lines_left -= 1
            if "-----END" in line:
                self._key_lines_left = 0
            return REDACTED
        clean = self._redact(self._unwrap(line))
        if "-----BEGIN" in clean and "PRIVATE KEY" in clean:
            self._key_lines_left = _KEY_LINES
        return clean
