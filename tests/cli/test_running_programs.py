"""Checks that ask a program which ran before them, as Docker's clients do."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import Place

#: Runs a command in a folder, both named by a client, and answers with its exit code.
SERVER = """
import socket, subprocess, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
while True:
    client = server.accept()[0]
    folder, command = client.recv(9999).decode().split("\\0")
    code = subprocess.run(["sh", "-c", command], cwd=folder).returncode
    client.sendall(b"%d" % code)
    client.close()
"""
CLIENT = """
import os, socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(f"{os.getcwd()}\\0{sys.argv[2]}".encode())
sys.exit(int(client.recv(9)))
"""
CONFIG = '[run]\nworker = "script"\nattempts = 1\n[verify]\n'


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[str]:
    """Yield the command of a client, whose server runs all the time."""
    address = tmp_path / "socket"
    client = tmp_path / "client.py"
    client.write_text(CLIENT)
    command = [sys.executable, "-c", SERVER, str(address)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        yield f"{sys.executable} {client} {address}"
        server.kill()


def test_without_a_mount_a_running_program_finds_the_commit(place: Place, daemon: str) -> None:
    place.config(f"{CONFIG}mount = false\ntier1 = ['{daemon} \"grep -q good src/a\"']\n")
    place.write("src/a", "good\n")
    place.script("bad.md", "echo bad > src/a")
    place.script("good.md", "echo good > src/b")
    place.commit("Tasks")
    assert place.runr("run", "bad").code == 4
    assert place.runr("run", "good").code == 0
    assert "at a path of its own, as verify.mount says" in place.runr("doctor").out


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("docker compose run --rm app pytest", "docker"),
        ("cd api && /usr/bin/docker run -v .:/app api", "docker"),
        ("./gradlew test", "gradlew"),
        ("bazel test //...", "bazel"),
    ],
)
def test_a_check_that_asks_a_running_program_is_named(
    place: Place, command: str, name: str
) -> None:
    place.config(f"{CONFIG}tier1 = ['{command}']\n")
    warned = f"{name} may work in your files instead of the commit"
    assert warned in place.runr("lint").out
    place.config(f"{CONFIG}mount = false\ntier1 = ['{command}']\n")
    assert warned not in place.runr("lint").out


@pytest.mark.parametrize("command", ["./gradlew --no-daemon test", "test -f docker.txt", "make"])
def test_other_checks_are_not(place: Place, command: str) -> None:
    place.config(f"{CONFIG}tier1 = ['{command}']\n")
    assert "may work in your files" not in place.runr("lint").out
