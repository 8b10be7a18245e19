"""The command that reports: a run, a period, a job."""

from typing import Any

import click

from runr.cli import console
from runr.cli.app import Invocation, command
from runr.cli.console import Choice
from runr.errors import UsageError
from runr.next_steps import commands


@command("report")
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--since", metavar="TIME", help="Report a period: yesterday, 7d, 2025-01-08.")
@click.option("--until", metavar="TIME", help="End of the period; default: now.")
@click.option("--job", metavar="JOB|ID", help="Report a job run, or the latest one of a job.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only tasks with this tag.")
@click.option("--worker", "workers", multiple=True, metavar="NAME", help="Only this worker.")
@click.option(
    "--format",
    "form",
    type=Choice(["text", "markdown", "json", "html"]),
    help="Format of the report of a period or a job; default: text.",
)
@click.option("--output", metavar="FILE", help="Write the report of a period or a job to FILE.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def report(
    invocation: Invocation, run: str | None, since: str | None, job: str | None, **options: Any
) -> None:
    """Show what a run did and how it was verified.

    With `--since`, show what happened in a period; with `--job`, in a job.

    Without RUN, --since and --job, shows the latest run.
    """
    about = {"RUN": run, "--since": since, "--job": job}
    given = [name for name, value in about.items() if value is not None]
    if len(given) > 1:
        raise UsageError(
            f"a report is of one of RUN, --since and --job: leave out {' or '.join(given)}",
            next_steps=[commands.report(run)] if run else [],
        )
    if job is not None and options["until"] is not None:
        raise UsageError(
            "--until requires --since", next_steps=[commands.report_since("yesterday")]
        )
    if run is None and given:
        _show_period(invocation, since, job=job, **options)
        return
    if any(options.values()):
        raise UsageError(
            "--until, --tag, --worker, --format, --output and --force require --since or --job",
            next_steps=[commands.report_since("yesterday")],
        )
    from runr.lifecycle import runs  # noqa: PLC0415 - as below

    answer = runs.read_report(invocation.project(), run or "latest")
    invocation.show(answer, lambda found: found.markdown.rstrip())


def _show_period(
    invocation: Invocation,
    since: str | None,
    *,
    job: str | None,
    until: str | None,
    tags: tuple[str, ...],
    workers: tuple[str, ...],
    form: str | None,
    output: str | None,
    force: bool,
) -> None:
    """Print the report of a period or of a job, or write it to a file."""
    # Neither form of the command waits for what the other one needs.
    from runr.cli import history  # noqa: PLC0415 - see above
    from runr.cli.answers import answer_document  # noqa: PLC0415 - see above
    from runr.history import period_report, report_html, report_page  # noqa: PLC0415 - see above

    renders = {"markdown": report_page.render_markdown, "html": report_html.render_html}
    render = renders.get(form or "", report_page.render_text)
    shown = invocation._replace(as_json=True) if form == "json" else invocation
    project = shown.project()
    if job is not None:
        answer = period_report.report_job(project, job, tags=tags, workers=workers)
    else:
        answer = period_report.report(project, since or "", until, tags=tags, workers=workers)
    if output is None:
        shown.show(answer, lambda found: render(found, history.local_time).rstrip("\n"))
        return
    from runr.interchange import exporter  # noqa: PLC0415 - see above

    text = answer_document(answer) if form == "json" else render(answer, history.local_time)
    written = exporter.write(project, f"{text.rstrip()}\n", output, force=force)
    invocation.show(written, console.render_result)
