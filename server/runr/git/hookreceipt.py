"""What an installation of the git hooks changed, which is what taking them out goes by."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from runr.errors import RunrError


class Receipt(BaseModel):
    """Git's settings before and after, and whether a folder is new.

    The texts are None where the settings were not touched.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    config_before: str | None = None
    config_after: str | None = None
    made_folder: bool = False


def read(path: Path) -> Receipt | None:
    """Return what was installed; None where nothing was."""
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise RunrError(f"{path} is not what runr wrote there") from error


def save(path: Path, receipt: Receipt) -> None:
    """Keep what was installed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(receipt.model_dump_json(indent=1), "utf-8")
