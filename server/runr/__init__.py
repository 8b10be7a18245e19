"""runr: the record of what coding agents really finished."""

__version__ = "0.1.0"
