from pathlib import Path

from runr.git import private_dir
from runr.git.repo import Repo
from unit.git_trees import git, make

HEADER = "AUTHORIZATION: basic dXNlcjpwYXNzd29yZDEyMw=="
ADDRESS = "https://ada:Sup3rS3cret@example.com/"


def test_the_copy_of_the_settings_says_how_files_are_read_and_holds_no_secret(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1\n"})
    git(root, "config", "core.autocrlf", "input")
    git(root, "config", "filter.upper.clean", 'tr "a-z" "A-Z"')
    git(root, "config", "http.https://example.com/.extraheader", HEADER)
    git(root, "config", f"url.{ADDRESS}.insteadOf", "https://example.com/")
    copy = tmp_path / "copy"
    copy.write_bytes(private_dir.render_config(private_dir.read_settings(Repo(root))))
    assert git(root, "config", "--file", str(copy), "core.autocrlf") == "input"
    assert git(root, "config", "--file", str(copy), "filter.upper.clean") == 'tr "a-z" "A-Z"'
    text = copy.read_text()
    assert "dXNlcjpwYXNzd29yZDEyMw" not in text
    assert "Sup3rS3cret" not in text
