"""What an installation answers, whatever was installed."""

from pydantic import Field

from runr.app.answers import Answer


class Preview(Answer):
    """A file as an installation would leave it."""

    path: str
    text: str


class Installed(Answer):
    """What was written, what stood already, and what to do now.

    `previews` are only there where nothing was to be written.
    """

    changed: list[str] = Field(default_factory=list)
    unchanged: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    next: list[str] = Field(default_factory=list)
    previews: list[Preview] = Field(default_factory=list)
