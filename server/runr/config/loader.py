"""`.runr/config.toml`, read into one model; what is wrong is named with its near match."""

import json
import tomllib
from typing import Any

from pydantic import BaseModel, ValidationError

from runr import nofollow
from runr.config.settings import Config
from runr.errors import ConfigError
from runr.storage import legacy
from runr.storage.layout import Layout
from runr.text import closest_match

_WORDS = {
    "tuple_type": "write a list of texts, in brackets",
    "string_type": "write a text, in quotes",
    "dict_type": "write a table",
    "model_type": "write a table",
}


def load(layout: Layout) -> Config:
    """Return the repository's settings; every key has a default, so the file may be absent.

    Raises ConfigError with file, place and near match for anything that does not fit.
    """
    try:
        text = nofollow.read(layout.config).decode()
    except FileNotFoundError:
        return _old(layout)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{_name(layout)} cannot be read: {error}") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{_name(layout)} is not valid TOML: {error}") from None
    return _checked(raw, _name(layout))


def _old(layout: Layout) -> Config:
    name = str(layout.old_config.relative_to(layout.root))
    try:
        raw = json.loads(nofollow.read(layout.old_config))
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name} cannot be read: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{name} holds no settings: its top level is not a table")
    return _checked(legacy.settings(raw), name)


def _checked(raw: dict[str, Any], name: str) -> Config:
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = tuple(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"{name}: {_unknown(place)}") from None
        message = _WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name}: {'.'.join(place)}: {message}") from None


def _unknown(place: tuple[str, ...]) -> str:
    known = _keys(place[:-1])
    near = closest_match(place[-1], known)
    offer = f"did you mean `{near}`?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key `{'.'.join(place)}`; {offer}"


def _keys(place: tuple[str, ...]) -> list[str]:
    """Return the keys that the table at `place` may have."""
    model: type[BaseModel] = Config
    for part in place:
        field = model.model_fields.get(part)
        if field is None:
            continue  # the name of a worker: its table is the model already in hand
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        tables = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if tables:  # else a worker that is called like a key, such as `command`
            model = tables[0]
    return sorted(model.model_fields)


def _name(layout: Layout) -> str:
    return str(layout.config.relative_to(layout.root))
