"""`.runr/config.toml`, read into one model."""

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runr import nofollow
from runr.config.messages import SettingsProblem, describe
from runr.config.settings import Config
from runr.errors import ConfigError
from runr.next_steps import commands
from runr.storage import legacy
from runr.storage.layout import Layout

_TOML_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)


class InvalidSettingsError(ConfigError):
    """The settings in a file are invalid; `problems` are in the order of its lines."""

    def __init__(self, path: str, problems: Sequence[SettingsProblem]) -> None:
        first, *others = problems
        place = f"{path}:{first.line}" if first.line else path
        more = f" (and {len(others)} more)" if others else ""
        super().__init__(
            f"{place}: {first.message}{more}", next_steps=[commands.lint()] if others else ()
        )
        self.path = path
        self.problems = tuple(problems)


def load(layout: Layout) -> Config:
    """Return the repository's settings; every key has a default, so the file may be absent.

    Raises InvalidSettingsError with file, line and nearest match for what does not fit, and
    DamagedStateError where the file is no regular one.
    """
    try:
        data = nofollow.read(layout.config)
    except FileNotFoundError:
        return _old(layout)
    except OSError as error:
        raise _invalid(layout, layout.config, f"cannot be read: {error.strerror}") from None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _invalid(layout, layout.config, "is not UTF-8 text", line) from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(layout, layout.config, *_not_toml(text, str(error))) from None
    return _checked(layout, layout.config, raw, text)


def _not_toml(text: str, message: str) -> tuple[str, int]:
    found = _TOML_PLACE.fullmatch(message)
    reason, line = found.groups() if found else (message, None)
    return f"not valid TOML: {reason}", int(line or len(text.splitlines()) or 1)


def _old(layout: Layout) -> Config:
    try:
        raw = json.loads(nofollow.read(layout.old_config))
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not JSON"
        raise _invalid(layout, layout.old_config, f"cannot be read: {reason}") from None
    if not isinstance(raw, dict):
        message = "holds no settings: its top level is not a table"
        raise _invalid(layout, layout.old_config, message)
    return _checked(layout, layout.old_config, legacy.settings(raw), None)


def _checked(layout: Layout, file: Path, raw: dict[str, Any], text: str | None) -> Config:
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise InvalidSettingsError(_name(layout, file), describe(error, text)) from None


def _invalid(
    layout: Layout, file: Path, message: str, line: int | None = None
) -> InvalidSettingsError:
    return InvalidSettingsError(_name(layout, file), [SettingsProblem(message, line)])


def _name(layout: Layout, file: Path) -> str:
    return str(file.relative_to(layout.root))
