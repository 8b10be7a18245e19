"""The file with which systemd or launchd keeps a scheduler running. Pure."""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal
from xml.sax.saxutils import escape

from runr.text import flat

Manager = Literal["systemd", "launchd"]


def unit(manager: Manager, root: str, command: Sequence[str], search_path: str) -> str:
    """Return the file of the scheduler of a repository.

    `search_path` is the `PATH` of the terminal: that of a service lacks the programs of the user,
    such as workers. Jobs outlive the scheduler: they must not be ended with it.
    """
    name = _name(root)
    if manager == "systemd":
        return _SYSTEMD.format(
            name=name,
            root=flat(root).replace("%", "%%"),
            command=" ".join(_quoted(word).replace("$", "$$") for word in command),
            path=_quoted(f"PATH={search_path}"),
        )
    arguments = "\n".join(f"    <string>{escape(word)}</string>" for word in command)
    return _LAUNCHD.format(name=name, arguments=arguments, path=escape(search_path))


def _name(root: str) -> str:
    """Return a name that no other repository has, also one whose folder is called the same."""
    word = re.sub(r"[^A-Za-z0-9]+", "-", root.rpartition("/")[2]).strip("-").lower()[:40]
    digest = sha256(root.encode("utf-8", "surrogateescape")).hexdigest()[:6]
    return f"{word}-{digest}" if word else digest


def _quoted(word: str) -> str:
    """Return a word as systemd reads it back, whatever characters are in it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    plain = re.fullmatch(r"[\w./:=@+,-]+", word)
    return word if plain else '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


_SYSTEMD = """\
# ~/.config/systemd/user/runr-{name}.service
#
#     systemctl --user daemon-reload
#     systemctl --user enable --now runr-{name}
#     loginctl enable-linger    # or else it ends when you log out
[Unit]
Description=runr scheduler of {root}

[Service]
Environment={path}
ExecStart={command}
Restart=always
RestartSec=30
KillMode=process

[Install]
WantedBy=default.target
"""

_LAUNCHD = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- launchctl load -w ~/Library/LaunchAgents/dev.runr.{name}.plist -->
<plist version="1.0"><dict>
  <key>Label</key><string>dev.runr.{name}</string>
  <key>EnvironmentVariables</key><dict><key>PATH</key><string>{path}</string></dict>
  <key>ProgramArguments</key><array>
{arguments}
  </array>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><true/>
  <key>AbandonProcessGroup</key><true/>
</dict></plist>
"""
