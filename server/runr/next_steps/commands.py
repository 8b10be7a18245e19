"""Every command that can be a next step, with the MCP tool that does the same.

A task is a path below the repository or a name; sample texts are in place of
what only the user knows. Pure.
"""

from collections.abc import Sequence

from runr.next_steps.step import NextStep, operand, option

_TASKS = ".runr/tasks/"

#: Filters that are arguments of the tool list-tasks; the others are a part of its query.
_FLAGS = ("blocked", "ready", "stale", "waiting")

_LOGINS = {"claude-code": ("claude", "auth", "login"), "codex": ("codex", "login")}


def acknowledge(task: str) -> NextStep:
    """Return how a stale completion is acknowledged."""
    return _runr("acknowledge", _name(task), tool=_decision_tool(task, "acknowledge"))


def add_worker(name: str) -> NextStep:
    """Return how a program is registered as a worker."""
    return _runr("workers", "add", name, "--", "my-agent", "--yes")


def apply_inference() -> NextStep:
    """Return how inferred statuses are recorded."""
    return _runr("status", "--infer-from-git", "--apply")


def approve(task: str) -> NextStep:
    """Return how the run of a task is approved."""
    words = ("--reason", "I looked at it and it is right")
    return _runr("approve", _name(task), *words, tool=_decision_tool(task, "approve"))


def attest(task: str, *, force: bool = False) -> NextStep:
    """Return how a person attests a task; by force despite open dependencies and failed checks."""
    words = ("--force", "--reason", "why it counts as completed")
    step = _runr("complete-task", _name(task), *(words if force else ("--reason", "what was done")))
    return step._replace(tool=f"{_attest_tool(task)}, by force" if force else _attest_tool(task))


def clean(*words: str) -> NextStep:
    """Return how the leftovers of ended runs are removed, or listed."""
    return _runr("clean", *words)


def complete(task: str) -> NextStep:
    """Return how a task is completed on its checks."""
    return _runr("complete-task", _name(task), tool=f"complete-task {_bare(task)!r}")


def debug(*words: str) -> NextStep:
    """Return how a command is repeated with the traceback of its error."""
    return NextStep(("env", "RUNR_DEBUG=1", "runr", *words))


def doctor() -> NextStep:
    """Return how the installation is checked."""
    return _runr("doctor")


def list_hooks() -> NextStep:
    """Return how lifecycle hooks are listed."""
    return _runr("hooks", "list")


def export(*words: str) -> NextStep:
    """Return how tasks are exported."""
    return _runr("export", *words)


def follow(run: str) -> NextStep:
    """Return how the progress of a run is shown."""
    return _runr("follow", run, tool=_status_tool(run))


def git(*words: str, at_root: bool = False) -> NextStep:
    """Return a command of git's; `at_root` where it names paths from the repository's root."""
    return NextStep(("git", *words), at_root=at_root)


def graph(task: str) -> NextStep:
    """Return how what depends on a task is shown."""
    return _runr("graph", _name(task))


def help_of(*path: str) -> NextStep:
    """Return how the options of a command are shown."""
    return NextStep(("runr", *path, "--help"))


def history(task: str) -> NextStep:
    """Return how everything that happened to a task is shown."""
    return _runr("history", _name(task), tool=_status_tool(task))


def import_tasks(*words: str) -> NextStep:
    """Return how tasks are imported."""
    return _runr("import", *words)


def infer() -> NextStep:
    """Return how statuses are inferred from commits."""
    return _runr("status", "--infer-from-git")


def init(*words: str) -> NextStep:
    """Return how a repository is set up."""
    return _runr("init", *words)


def install(what: str, *words: str) -> NextStep:
    """Return how an integration is installed, or removed."""
    return _runr("install", what, *words)


def intervene(*words: str) -> NextStep:
    """Return how manual work is committed with a record."""
    return _runr("intervene", "--reason", "what was done and why", *words)


def lint(*tasks: str) -> NextStep:
    """Return how task files are checked."""
    return _runr("lint", *map(_name, tasks), tool=_status_tool(*tasks) if len(tasks) == 1 else None)


def job_land(job_run: str, to: str | None = None) -> NextStep:
    """Return how the branch of a job is brought into `to`, or the one that it started from."""
    if to:  # A person decides which branch it is.
        return _runr("job", "land", job_run, "--to", operand(to))
    return _runr("job", "land", job_run, tool=_job_tool(job_run, "land"))


def job_receipt(job_run: str) -> NextStep:
    """Return how the receipt of a job run is shown."""
    return _runr("job", "receipt", job_run, tool=_job_status_tool(job_run))


def job_resume(job_run: str) -> NextStep:
    """Return how a job that has stopped goes on."""
    return _runr("job", "resume", job_run, tool=_job_tool(job_run, "resume"))


def job_retry(job_run: str) -> NextStep:
    """Return how the failed tasks of a job run are run again."""
    return _runr("job", "retry", job_run, tool=_job_tool(job_run, "retry"))


def job_run(job: str) -> NextStep:
    """Return how a job is run."""
    return _runr("job", "run", operand(job), tool=f"run-task with job={job!r}")


def job_status(job_run: str) -> NextStep:
    """Return how the state of a job run is shown."""
    return _runr("job", "status", job_run, tool=_job_status_tool(job_run))


def job_stop(job_run: str) -> NextStep:
    """Return how a job is stopped."""
    return _runr("job", "stop", job_run, tool=_job_tool(job_run, "stop"))


def job_kill(job_run: str) -> NextStep:
    """Return how the runs of a job are stopped, too."""
    at_once = f"run-task with job={job_run!r}, action=stop and force=true"
    return _runr("job", "stop", job_run, "--kill", tool=at_once)


def list_jobs() -> NextStep:
    """Return how jobs are listed."""
    return _runr("list-jobs").in_words("the jobs are the files .runr/jobs/*.yaml")


def list_tasks(*words: str) -> NextStep:
    """Return how tasks are listed."""
    return _runr("list-tasks", *words, tool=" with ".join(["list-tasks", *map(_argument, words)]))


def unset_bare() -> NextStep:
    """Return how git is made to use the working tree again."""
    return git("config", "core.bare", "false")


def login(worker: str, program: Sequence[str] = ()) -> NextStep:
    """Return how a worker is logged in; `program` is what the settings start in its place.

    Of a worker that runr does not know, only how its login is looked at.
    """
    known = _LOGINS.get(worker)
    return workers() if known is None else NextStep((*(program or known[:1]), *known[1:]))


def new(*words: str) -> NextStep:
    """Return how a task file is created."""
    written = " and ".join(f".runr/tasks/{name}.md" for name in words)
    return _runr("new", *words).in_words(f"write {written}")


def next_task(*words: str) -> NextStep:
    """Return how the first ready task is found."""
    return _runr("next", *words, tool=f"list-tasks with {'blocked' if words else 'ready'}=true")


def note(run: str) -> NextStep:
    """Return how a note is added to a run, which a task can name."""
    tool = f"complete-task {_bare(run)!r} with action=note and the text as reason"
    return _runr("note", _name(run), "what was found or decided", tool=tool)


def program(*words: str) -> NextStep:
    """Return a command of another program."""
    return NextStep(words)


def rebuild() -> NextStep:
    """Return how the status file is written anew."""
    return _runr("rebuild")


def reject(task: str) -> NextStep:
    """Return how the run of a task is rejected."""
    tool = _decision_tool(task, "reject")
    return _runr("reject", _name(task), "--reason", "what is wrong", tool=tool)


def report(run: str) -> NextStep:
    """Return how the report of a run is shown."""
    return _runr("report", run, tool=_status_tool(run))


def report_since(since: str) -> NextStep:
    """Return how the report of a period is shown."""
    return _runr("report", "--since", since, tool=f"list-tasks with since={since}")


def reset(task: str, *, revert: bool = False) -> NextStep:
    """Return how a completion is taken back, with its commit or without."""
    words = ("--revert",) if revert else ()
    return _runr("reset", *words, _name(task), "--reason", "why it is not completed")


def resume(
    run: str = "", *, since: str = "", preview: bool = False, accept_changes: bool = False
) -> NextStep:
    """Return how a run is resumed, by default the one that stopped last."""
    begin = ("--from", since) if since else ()
    accept = ("--accept-changes",) if accept_changes else ()
    shown = ("--preview",) if preview else ()
    # What a person accepts or chooses is not for a tool.
    tool = None if since or preview or accept_changes else _run_tool(run, "resume")
    return _runr("resume", *filter(None, (run,)), *begin, *accept, *shown, tool=tool)


def run(task: str, *, force: bool = False) -> NextStep:
    """Return how a task is run; by force despite open dependencies, or again."""
    tool = f"run-task {_bare(task)!r}" + (" with force" if force else "")
    return _runr("run", *(("--force",) if force else ()), "--task", _name(task), tool=tool)


def run_all_ready() -> NextStep:
    """Return how all tasks that are ready are run."""
    return _runr("run", "--all-ready", tool="run-task with all_ready=true")


def run_session(task: str) -> NextStep:
    """Return how a session becomes the worker of a task, or reads its brief again."""
    words = ("--worker", "session", "--task", _name(task))
    return _runr("run", *words, tool=f"run-task {_bare(task)!r} with worker session")


def runs() -> NextStep:
    """Return how runs are listed."""
    return _runr("runs", tool="list-tasks with since=yesterday")


def status(task: str) -> NextStep:
    """Return how the status of a task is shown."""
    return _runr("task-status", _name(task), tool=_status_tool(task))


def stop(run_id: str, *, reason: str = "") -> NextStep:
    """Return how a run is stopped."""
    words = ("--reason", reason) if reason else ()
    return _runr("stop", run_id, *words, tool=_run_tool(run_id, "stop"))


def land(run_id: str = "", *, every: bool = False, to: str = "") -> NextStep:
    """Return how verified work that waits gets into its branch: that of a run, or of all."""
    tool = None if every or to else _run_tool(run_id, "land")
    words = (*(("--all",) if every else (run_id,)), *(option("--to", to) if to else ()))
    return _runr("land", *words, tool=tool)


def submit(run_id: str, target: str, *, force: bool = False) -> NextStep:
    """Return how the commits of a run are merged into a branch."""
    forced = ("--force",) if force else ()
    return _runr("submit", run_id, *option("--to", target), *forced)


def take_over(task: str) -> NextStep:
    """Return how the open run of another session is taken over."""
    words = ("--worker", "session", "--force", "--task", _name(task))
    return _runr("run", *words, tool=f"run-task {_bare(task)!r} with worker session and force")


def upgrade() -> NextStep:
    """Return how a newer runr is installed."""
    return NextStep(("uv", "tool", "upgrade", "runr"))


def verify(*words: str) -> NextStep:
    """Return how recorded completions are proved."""
    return _runr("verify", *words)


def which(name: str) -> NextStep:
    """Return how a program is looked for on PATH."""
    return NextStep(("command", "-v", name))


def why(task: str, *, diff: bool = False) -> NextStep:
    """Return how the state of a task is explained, and what changed in its text."""
    return _runr("why", _name(task), *(("--diff",) if diff else ()), tool=_status_tool(task))


def workers() -> NextStep:
    """Return how workers are listed."""
    return _runr("workers")


def _runr(verb: str, *words: str, tool: str | None = None) -> NextStep:
    return NextStep(("runr", verb, *words), tool=tool)


def _name(task: str) -> str:
    return operand(_bare(task))


def _bare(task: str) -> str:
    return task.removeprefix(_TASKS)


def _attest_tool(task: str) -> str:
    return f"complete-task {_bare(task)!r} with a reason, which the user confirms"


def _decision_tool(task: str, action: str) -> str:
    return (
        f"complete-task {_bare(task)!r} with action={action} and a reason, which the user confirms"
    )


def _job_status_tool(job_run: str) -> str:
    return f"task-status with job={job_run!r}"


def _job_tool(job_run: str, action: str) -> str:
    return f"run-task with job={job_run!r} and action={action}"


def _run_tool(run: str, action: str) -> str:
    named = f"run-task {run!r}" if run else "run-task"
    return f"{named} with action={action}"


def _status_tool(task: str) -> str:
    return f"task-status {_bare(task)!r}"


def _argument(flag: str) -> str:
    """Return the argument of a tool that a flag is the same as."""
    name = flag.removeprefix("--")
    return f"{name}=true" if name in _FLAGS else f"query=is:{name}"
