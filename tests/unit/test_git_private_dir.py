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


def test_a_clone_has_no_setting_of_the_repositorys_own_that_changes_files(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1\n"})
    git(root, "config", "core.symlinks", "false")
    git(root, "config", "filter.upper.smudge", 'tr "a-z" "A-Z"')
    git(root, "config", "filter.lfs.smudge", "git-lfs smudge -- %f")
    git(root, "config", "filter.lfs.process", "other-lfs")
    git(root, "config", "core.sshcommand", "ssh -i key")
    copy = tmp_path / "copy"
    copy.write_bytes(private_dir.clone_config(Repo(root)))
    kept = git(root, "config", "--file", str(copy), "--list").splitlines()
    assert not [line for line in kept if line.startswith(("filter.upper", "core.symlinks"))]
    assert [line for line in kept if line.startswith("filter.lfs")] == [
        "filter.lfs.smudge=git-lfs smudge -- %f"
    ]
    assert "core.sshcommand=ssh -i key" in kept
