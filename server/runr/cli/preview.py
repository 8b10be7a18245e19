"""A preview of a resume, as people read it in a terminal."""

from runr.app.preview import Preview

#: Files that are shown; with --json there are all of them.
_FILES = 15


def preview(answer: Preview) -> str:
    """Return where a run would go on, and with what."""
    name = answer.task.removeprefix(".runr/tasks/")
    lines = [f"run {answer.run} of {name} ({answer.stop_reason}): {answer.told}"]
    lines.append(f"  in {answer.workdir}")
    lines += [f"  changed so far: {path}" for path in answer.work[:_FILES]]
    if len(answer.work) > _FILES:
        lines.append(f"  … and {len(answer.work) - _FILES} more")
    if not answer.work:
        lines.append("  nothing is changed so far")
    return "\n".join([*lines, "Next:", *(f"  {step}" for step in answer.next)])
