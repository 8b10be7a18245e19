"""`runr init`, `new`, `doctor`, `version` and help, and errors of usage."""

import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cli.terminal import Place
from fakes.forked import RUNR
from fakes.required import require_program
from runr import __version__
from runr.cli.commands import COMMANDS
from runr.workers import cgroup


def verification(place: Place) -> tuple[list[str], list[str]]:
    settings = tomllib.loads(place.read(".runr/config.toml"))["verify"]
    return settings["tier0"], settings["tier1"]


def test_init_writes_what_a_repository_needs_and_nothing_twice(bare: Place) -> None:
    first = bare.runr("init", code=0)
    assert bare.git("ls-files", "--others", "--exclude-standard").split() == [
        ".runr/config.toml",
        ".runr/tasks/00-example.md",
    ]
    assert "no test or lint command was recognised" in first.out
    *commit, doctor, claude = first.steps
    assert [bare.paste(step).code for step in commit] == [0, 0]
    assert bare.git("status", "--porcelain") == ""
    assert (doctor, claude) == ("runr doctor", "runr install claude")
    assert [bare.paste(step).code for step in (doctor, claude)] == [0, 0]
    bare.config('[verify]\ntier1 = ["test -d src"]\n')
    again = bare.runr("init", code=0)
    assert "Nothing to do" in again.out
    assert "recognised" not in again.out


def test_init_says_with_dry_run_what_it_would_write_and_writes_nothing(bare: Place) -> None:
    answer = bare.runr("init", "--dry-run", "--json", code=0).json
    assert ".runr/config.toml" in answer["changed"]
    assert answer["next_steps"] == ["runr init"]
    assert not (bare.root / ".runr").exists()


def test_init_never_overwrites(bare: Place) -> None:
    bare.config("# mine\n")
    bare.write(".runr/.gitignore", "# mine\n")
    bare.task("mine.md")
    answer = bare.runr("init", "--json", code=0).json
    assert answer["changed"] == []
    assert bare.read(".runr/config.toml") == "# mine\n"
    assert bare.read(".runr/.gitignore") == "# mine\n"
    assert bare.runr("list-tasks", "--json").json["total_count"] == 1


def test_the_ignore_file_of_an_earlier_version_gets_the_lines_for_jobs(bare: Place) -> None:
    bare.runr("init", code=0)
    now = bare.read(".runr/.gitignore")
    bare.write(".runr/.gitignore", now.replace("!jobs/\n!jobs/**\n", ""))
    bare.write(".runr/jobs/night.yaml", "tracks:\n  t: [00-example]\n")
    assert ".runr/jobs/night.yaml" not in bare.git("status", "--porcelain", "-uall")
    found = bare.runr("lint", "--json").json["diagnostics"]
    assert [each["rule"] for each in found if each["path"] == ".runr/.gitignore"] == [
        "ignored-jobs"
    ]
    look = bare.runr("doctor", "--json").json["health_checks"]
    (old,) = [each for each in look if each["name"] == "ignored files"]
    assert old["message"].endswith("of an earlier version, without !jobs/, !jobs/**")
    assert (old["state"], old["advice"]) == ("note", "runr init")
    assert bare.runr("init", "--json", code=0).json["changed"] == [".runr/.gitignore"]
    assert "ignored files" not in bare.runr("doctor").out
    assert ".runr/jobs/night.yaml" in bare.git("status", "--porcelain", "-uall")
    assert set(bare.read(".runr/.gitignore").splitlines()) == set(now.splitlines())
    assert bare.runr("init", "--json", code=0).json["changed"] == []


@pytest.mark.parametrize(
    ("file", "text", "tier0", "tier1"),
    [
        (
            "pyproject.toml",
            "[tool.ruff]\n[tool.pytest.ini_options]\n",
            ["ruff check ."],
            ["pytest -q"],
        ),
        ("pytest.ini", "[pytest]\n", [], ["pytest -q"]),
        (
            "package.json",
            '{"scripts": {"test": "vitest", "lint": "eslint ."}}',
            ["npm run lint"],
            ["npm test"],
        ),
        ("package.json", '{"scripts": {"test": "echo no test specified"}}', [], []),
        ("package.json", "not json", [], []),
        ("Cargo.toml", "[package]\n", ["cargo check"], ["cargo test"]),
        ("go.mod", "module x\n", ["go vet ./..."], ["go test ./..."]),
        ("Makefile", "all:\n\ntest: all\n\t./test\n", [], ["make test"]),
        ("Makefile", "all:\n\tpytest\n", [], []),
    ],
    ids=["python", "pytest", "npm", "npm-none", "broken", "cargo", "go", "make", "make-none"],
)
def test_init_recognises_the_checks_of_a_project(
    bare: Place, file: str, text: str, tier0: list[str], tier1: list[str]
) -> None:
    bare.write(file, text)
    bare.runr("init", code=0)
    assert verification(bare) == (tier0, tier1)
    assert bare.runr("doctor", "--json").json["health_checks"]


@pytest.mark.parametrize("template", ["feature", "bugfix", "docs", "chore", "manual"])
def test_each_template_makes_a_task_without_a_problem(place: Place, template: str) -> None:
    made = place.runr("new", "10-paint-the_gate", "--template", template, code=0)
    assert made.steps[0] == "runr task-status 10-paint-the_gate.md"
    shown = place.runr("task-status", "10-paint-the_gate", "--json", code=0).json["task"]
    assert shown["problems"] == []
    assert shown["title"] == "Paint the gate"
    assert shown["type"] == ("manual" if template == "manual" else "automated")
    place.config('[run]\nworker = "true"\n[workers.true]\ncommand = ["true"]\n')
    for command in made.steps:
        # Without checks a run asks a person; a chore of comments only does nothing.
        assert place.paste(command).code in (0, 9), command


def test_a_template_of_ones_own_gets_the_title(place: Place) -> None:
    place.write(".runr/templates/spike.md", "---\ntags: [spike]\n---\n# Spike: {title}\n")
    place.runr("new", "try-it", "--template", "spike", code=0)
    assert place.read(".runr/tasks/try-it.md") == "---\ntags: [spike]\n---\n# Spike: Try it\n"
    refused = place.runr("new", "x", "--template", "spyke", code=2)
    assert "did you mean 'spike'?" in refused.err


def test_a_new_task_overwrites_nothing_and_stays_in_its_folder(place: Place) -> None:
    place.task("a.md", body="precious")
    assert "already there" in place.runr("new", "a", code=2).err
    assert "precious" in place.read(".runr/tasks/a.md")
    place.write(".runr/tasks/link.md").unlink()
    (place.root / ".runr/tasks/link.md").symlink_to(place.root / "nowhere")
    assert place.runr("new", "link", code=2).err
    assert not (place.root / "nowhere").exists()
    for name in ("../../out", str(place.root / "out"), "", "a\nb", ".md", "folder/"):
        refused = place.runr("new", name, code=2)
        assert refused.err.startswith("runr: ")
    assert not (place.root / "out.md").exists()


def test_doctor_passes_on_a_working_repository(place: Place) -> None:
    place.task("a.md")
    result = place.runr("doctor", code=0)
    assert f"✓ runr: {__version__}" in result.out
    assert "✓ worker: script" in result.out
    assert "• git hooks: not installed" in result.out
    assert not any(line[:1] == "✓" and "not installed" in line for line in result.out.splitlines())
    assert "✗" not in result.out


def test_doctor_reports_problems_with_their_remedies(bare: Place) -> None:
    bare.config("[run]\nattempts = 0\n")
    bare.write(".runr/tasks/a.md", "---\ntype: [\n---\n")
    bare.write(".runr/task-status.json", "{")
    answer = bare.runr("doctor", "--json", code=1).json
    found = {finding["name"]: finding for finding in answer["health_checks"]}
    bad = {name for name, finding in found.items() if finding["state"] == "bad"}
    assert bad == {"git", "config", "tasks", "status"}
    assert answer["passed"] is False
    assert all(found[name]["advice"] for name in bad)
    assert bare.read(".runr/task-status.json") == "{"


@pytest.mark.skipif(sys.platform != "linux", reason="cgroups are of Linux")
def test_doctor_says_what_ends_with_a_worker(place: Place) -> None:
    found = place.runr("doctor", "--json").json["health_checks"]
    said = next(each["message"] for each in found if each["name"] == "processes")
    assert ("a cgroup of its own" if cgroup.own() else "subreaper") in said


def test_doctor_ticks_no_check_whose_program_is_missing(place: Place) -> None:
    place.config('[verify]\ntier0 = ["test -d .", "no-such-tool x"]\n')
    found = place.runr("doctor", "--json", code=1).json["health_checks"]
    named = {each["message"]: each["state"] for each in found if each["name"] == "checks"}
    assert named.pop("test -d .") == "ok"
    ((message, state),) = named.items()
    assert (state, "no-such-tool is not on PATH" in message) == ("bad", True)


def test_doctor_names_a_recorded_task_that_was_renamed(place: Place) -> None:
    place.task("01-gate.md", "type: manual")
    place.runr("complete-task", "01-gate", "--reason", "done", code=0)
    (place.root / ".runr/tasks/01-gate.md").rename(place.root / ".runr/tasks/02-gate.md")
    assert "renamed to .runr/tasks/02-gate.md?" in place.runr("doctor", code=0).out


def found(place: Place, name: str, **env: str) -> dict[str, str]:
    answer = place.runr("doctor", "--json", env=env).json
    wanted: dict[str, str] = next(each for each in answer["health_checks"] if each["name"] == name)
    return wanted


def test_doctor_says_which_runr_comes_first(place: Place) -> None:
    assert found(place, "PATH")["state"] == "ok"
    other = place.write("other/runr", "#!/bin/sh\n")
    other.chmod(0o755)
    shadowed = found(place, "PATH", PATH=f"{other.parent}:/usr/bin:/bin")
    assert f"another runr comes first: {other}" in shadowed["message"]
    assert "not on PATH" in found(place, "PATH", PATH="/usr/bin:/bin")["message"]


def test_doctor_says_where_runr_is_installed_and_what_shadows_it(place: Place) -> None:
    assert found(place, "Claude Code")["advice"] == "runr install claude"
    place.runr("install", "claude", "--user", code=0)
    assert "/runr: user 0.1.0 in" in found(place, "Claude Code")["message"]
    place.runr("install", "claude", code=0)
    both = found(place, "Claude Code")
    assert "/runr: project in" in both["message"]
    assert "it shadows user 0.1.0 in" in both["message"]
    place.paste(both["advice"])
    assert found(place, "Claude Code")["state"] == "ok"
    skill = place.home / ".claude/skills/runr/skills/runr/SKILL.md"
    skill.write_text("older", encoding="utf-8")
    assert "its skill is not that of runr" in found(place, "Claude Code")["message"]
    place.paste(found(place, "Claude Code")["advice"])
    assert found(place, "Claude Code")["state"] == "ok"


def test_doctor_says_whether_the_git_hooks_are_active(place: Place) -> None:
    assert "not installed" in found(place, "git hooks")["message"]
    place.git("config", "core.hooksPath", ".husky/_")
    place.runr("install", "git-hooks", code=0)
    assert found(place, "git hooks")["message"].startswith("active in ")
    place.git("config", "core.hooksPath", ".husky/_")
    changed = found(place, "git hooks")
    assert "core.hooksPath was changed since" in changed["message"]
    place.paste(changed["advice"])
    assert found(place, "git hooks")["message"].startswith("active in ")


def test_version_is_printed_in_three_ways(place: Place) -> None:
    assert place.runr("version", code=0).out == f"runr {__version__}\n"
    assert place.runr("--version", code=0).out == f"runr {__version__}\n"
    assert place.runr("version", "--json", code=0).json == __version__


def test_runr_without_arguments_shows_the_help(place: Place) -> None:
    result = place.runr(code=0)
    assert result.err == ""
    for name in COMMANDS:
        assert f"\n  {name} " in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(place: Place, name: str) -> None:
    for flag in ("--help", "-h"):
        shown = place.runr(name, flag, code=0).out
        assert shown.startswith(f"Usage: runr {name} ")
        assert "--json" in shown
        assert "--repo" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lst-tasks"], "did you mean `runr list-tasks`?"),
        (["complet"], "did you mean `runr complete`?"),
        (["xyzzy"], "see `runr --help`"),
        (["list-tasks", "--stauts", "pending"], "did you mean --status?"),
        (["task-status", "00-exmple"], "did you mean '00-example'?"),
        (["run"], "Pass TASK, or --all-ready"),
        (["run", "--task"], "--task"),
        (["run", "--task", "00-example", "--auto-only"], "task names or --all-ready, not both"),
        (["list-tasks", "--limit", "-1"], "--limit"),
        (["report", "nope"], "there is no run 'nope'"),
        (["completion", "tcsh"], "'bash', 'zsh', 'fish'"),
        (["--repo", "/nowhere/at/all", "list-tasks"], "/nowhere/at/all"),
    ],
)
def test_a_mistyped_command_gets_one_line_and_the_next_step(
    place: Place, words: list[str], message: str
) -> None:
    place.script("00-example.md", "echo 1 > a.txt")
    refused = place.runr(*words, code=2)
    assert refused.out == ""
    first, *steps = refused.err.splitlines()
    assert first.startswith("runr: ")
    assert message in first
    for step in steps:
        assert place.paste(step.strip()).code == 0


def test_an_internal_error_is_reported_without_a_traceback(place: Place) -> None:
    broken = {"PYTHONPATH": str(place.root / "broken")}
    place.write("broken/sitecustomize.py", "import runr.query.graph as g\ng.Graph.of = 1\n")
    place.task("a.md")
    result = place.runr("task-status", "a", env=broken, code=1)
    assert result.err.startswith("runr: internal error: TypeError")
    assert result.steps == ["env RUNR_DEBUG=1 runr task-status a", "runr doctor"]
    assert "RUNR_DEBUG=1 runr task-status a" in result.err


def test_a_missing_directory_is_reported(place: Place) -> None:
    gone = place.root / "gone"
    gone.mkdir()
    command = f"cd '{gone}' && rmdir '{gone}' && '{RUNR}' list-tasks"
    result = place.paste(command)
    assert result.code == 2
    assert "the current directory does not exist" in result.err


@pytest.mark.parametrize(
    ("output", "message"),
    [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")],
)
def test_output_that_cannot_be_written_is_an_error_of_one_line(
    place: Place, output: str, message: str
) -> None:
    place.task("a.md")
    for words in (
        "version",
        "list-tasks",
        "list-tasks --json",
        "--help",
        "task-status nope --json",
    ):
        result = place.paste(f"'{RUNR}' {words} {output}")
        assert (result.code, result.err) == (1, f"runr: standard output: {message}\n"), words


def test_a_reader_that_leaves_early_ends_the_command_like_sigpipe(place: Place) -> None:
    for number in range(50):
        place.task(f"{number:03}-{'x' * 150}.md")
    for words in ("list-tasks", "list-tasks --json", "export"):
        ended = place.paste(f"bash -c \"'{RUNR}' {words} | true; exit \\${{PIPESTATUS[0]}}\"")
        assert (ended.code, ended.err) == (141, ""), words


def test_a_command_works_without_standard_error(place: Place) -> None:
    assert place.paste(f"'{RUNR}' version 2>&-").code == 0
    assert place.paste(f"'{RUNR}' task-status nope 2>&-").code == 2
    assert place.paste(f"'{RUNR}' task-status nope 2>/dev/full").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_names_the_command(place: Place, shell: str) -> None:
    script = place.runr("completion", shell, code=0).out
    assert "_RUNR_COMPLETE" in script


@pytest.mark.parametrize(
    ("shell", "load"),
    [
        ("bash", 'eval "$(runr completion bash)" && complete -p runr'),
        (
            "zsh",
            'autoload -U compinit; compinit -u; eval "$(runr completion zsh)"; print $_comps[runr]',
        ),
        ("fish", "runr completion fish | source; and complete -c runr | grep runr"),
    ],
)
def test_the_completion_script_loads_in_its_shell(place: Place, shell: str, load: str) -> None:
    require_program(shell, shell)
    done = subprocess.run(
        [shell, "-c", load], cwd=place.root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "runr" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("runr li", {"list-tasks", "list-jobs", "lint"}),
        ("runr task-status 0", {"01-a.md"}),
        ("runr run --task 0", {"01-a.md"}),
        ("runr list-tasks --sor", {"--sort"}),
    ],
)
def test_names_are_completed(place: Place, words: str, expected: set[str]) -> None:
    place.task("01-a.md")
    typed = {"_RUNR_COMPLETE": "bash_complete", "COMP_WORDS": words}
    offered = place.runr(env=typed | {"COMP_CWORD": str(len(words.split()) - 1)}).out
    assert {line.partition(",")[2] for line in offered.splitlines()} == expected


def test_completion_outside_of_a_repository_prints_nothing(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    typed = {"_RUNR_COMPLETE": "bash_complete", "COMP_WORDS": "runr task-status 0"}
    result = place.runr(env=typed | {"COMP_CWORD": "2"}, cwd=outside)
    assert result.out.strip() == ""
    assert result.err == ""


@pytest.mark.parametrize(
    ("files", "carry", "setup"),
    [
        ("package.json package-lock.json", ["node_modules"], ["npm ci"]),
        ("package.json", ["node_modules"], ["npm install"]),
        ("uv.lock pyproject.toml requirements.txt", [".venv"], ["uv sync --frozen"]),
        (
            "pnpm-lock.yaml web/package.json docs/package-lock.json 'api v2/uv.lock'",
            ["node_modules", ".venv"],
            [
                "pnpm install --frozen-lockfile",
                "cd 'api v2' && uv sync --frozen",
                "cd docs && npm ci",
            ],
        ),
    ],
)
def test_init_writes_which_dependencies_the_checks_need(
    bare: Place, files: str, carry: list[str], setup: list[str]
) -> None:
    for name in shlex.split(files):
        bare.write(name, "{}")
    bare.write(".gitignore", "node_modules/\n")
    bare.write("node_modules/dep/yarn.lock")
    bare.runr("init", code=0)
    text = bare.read(".runr/config.toml")
    assert tomllib.loads(text)["verify"]["carry"] == carry
    # The alternative is a comment that can be put in force.
    offered = tomllib.loads(text.replace("# setup =", "setup ="))
    assert sorted(offered["verify"]["setup"]) == sorted(setup)
    bare.runr("lint", code=0)


@pytest.mark.parametrize("marker", ["go.mod", "Cargo.toml", "README.md"])
def test_init_carries_no_folder_of_compiled_files(bare: Place, marker: str) -> None:
    bare.write(marker, "")
    bare.runr("init", code=0)
    assert "carry" not in tomllib.loads(bare.read(".runr/config.toml"))["verify"]
