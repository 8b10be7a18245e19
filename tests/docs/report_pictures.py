"""Make the pictures of the HTML report in docs/images, with the Chromium of the tests.

.venv/bin/python tests/docs/report_pictures.py [FOLDER]
"""

import base64
import os
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes import chromium
from runr.cli.history import local_time
from runr.history import period_report, report_html
from runr.project import Project
from runr.runs.events import EventData, RunStopped
from unit.git_trees import git, make
from unit.journals_of_runs import (
    COMPLETED,
    FAILING,
    PASSING,
    Journals,
    completed,
    landed,
    verified,
    worked,
)

RUNS, TASKS = 910, 800
#: The tasks come into being in as many parts.
PARTS = 5
WORKERS = (("claude-code", "opus"), ("claude-code", "sonnet"), ("codex", "gpt-5"))
#: name → width, height, colour scheme, whether it is a phone
PICTURES = {
    "report-light": (800, 1150, "light", False),
    "report-dark": (800, 1150, "dark", False),
    "report-phone": (390, 1300, "light", True),
}


def main() -> None:
    """Write the pictures into the folder, by default the one of the documentation."""
    usual = Path(__file__).parents[2] / "docs" / "images"
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else usual
    with tempfile.TemporaryDirectory(prefix="runr-pictures-") as folder:
        report = Path(folder) / "report.html"
        project = fill(make(Path(folder) / "repo"))
        answer = period_report.report(project, "365d")
        report.write_text(report_html.render_html(answer, local_time), "utf-8")
        with chromium.page(Path(folder) / "profile") as page:
            for name, (width, height, scheme, is_phone) in PICTURES.items():
                media = [{"name": "prefers-color-scheme", "value": scheme}]
                page.send("Emulation.setEmulatedMedia", features=media)
                page.send(
                    "Emulation.setDeviceMetricsOverride",
                    width=width,
                    height=height,
                    deviceScaleFactor=1,
                    mobile=is_phone,
                )
                page.open(report.as_uri())
                taken = page.send("Page.captureScreenshot", format="png")
                (target / f"{name}.png").write_bytes(base64.b64decode(taken["data"]))


def fill(root: Path) -> Project:
    """Return a project with the runs of a year, the same each time but for the dates."""
    project = Project.open(root, os.environ)
    chance = random.Random(7)  # noqa: S311 - the same year each time
    begun = datetime.now(UTC) - timedelta(days=364)
    journals = Journals(project.layout)
    project.layout.tasks.mkdir(parents=True)
    for part in range(PARTS):
        for number in range(part * TASKS // PARTS, (part + 1) * TASKS // PARTS):
            (project.layout.tasks / f"part-{number}.md").write_text(f"# Part {number}\n")
        time = begun + timedelta(days=250 * part / PARTS - 1)
        os.environ["GIT_COMMITTER_DATE"] = time.isoformat()
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", f"Plan part {part + 1}")
    for number in range(RUNS):
        worker, model = chance.choice(WORKERS)
        settings = f'{{"workers": {{"{worker}": {{"model": "{model}"}}}}}}'.encode()
        journals.now = begun + timedelta(days=364 * number / RUNS, hours=chance.random() * 60)
        used = {
            "cost_usd": round(chance.random() * 1.5, 2),
            "input_tokens": chance.randrange(90_000),
            "output_tokens": chance.randrange(9_000),
        }
        run = journals.run(
            f"part-{int(number * 0.8)}",
            events(chance.random(), used),
            worker=worker,
            config=sha256(settings).hexdigest(),
        )
        run.config.write_bytes(settings)
    return project


def events(luck: float, used: dict[str, float]) -> list[EventData]:
    """Return what happens in a run: it completes its task at the first attempt, or the second."""
    if luck < 0.55:
        return completed(**used)
    if luck < 0.75:
        again = [*worked(2), verified(PASSING), *landed(), COMPLETED]
        return [*worked(usage=used), verified(FAILING), *again]
    if luck < 0.92:
        failed = RunStopped("verification_failed", "make test failed")
        return [*worked(usage=used), verified(FAILING), failed]
    return [*worked(usage=used), RunStopped("error", "the worker crashed")]


if __name__ == "__main__":
    main()
