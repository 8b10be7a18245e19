"""No secret is written into the folder of a run."""

import re
from pathlib import Path

import pytest

from fakes.project_kit import ProjectKit
from runr.redaction import REDACTED
from runr.runs import journal

# Put together here, so that this file itself holds none.
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
SETTING = "s3cr3t" + "-value-42"
PASSWORD = "hunter" + "2-and-more"
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
DASHES = "-" * 5
KEY = f"{DASHES}BEGIN PRIVATE KEY{DASHES}\n{BODY}\n{DASHES}END PRIVATE KEY{DASHES}"
SHORT = "c2hvcnQ" + "gbGluZQ"
SHORT_KEY = f"{DASHES}BEGIN PRIVATE KEY{DASHES}\n{SHORT}\n{DASHES}END PRIVATE KEY{DASHES}"
SECRETS = (TOKEN, SETTING, PASSWORD, BODY, SHORT)

PLANTED = f"""\
token {TOKEN}
DEPLOY_TOKEN={SETTING}
postgres://ada:{PASSWORD}@db.example/x
{KEY}
{SHORT_KEY}
"""


def stored(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.name: path.read_bytes().decode("utf-8", "replace") for path in files}


@pytest.fixture
def kit(tmp_path: Path) -> ProjectKit:
    return ProjectKit(tmp_path)


@pytest.mark.parametrize("passes", [True, False])
def test_secrets_of_every_source_stay_out_of_the_run_folder(kit: ProjectKit, passes: bool) -> None:
    script = f"cat <<'END' | tee leak.txt\n{PLANTED}END\ngit rev-parse HEAD"
    check = f"cat leak.txt; git rev-parse HEAD; test -f leak.txt -a {int(passes)} = 1"
    body = f"Write it.\n\n{PLANTED}\n```sh run\n{script}\n```\n"
    kit.task("a.md", header=f'verify: ["{check}"]', body=body)
    run = kit.run("a.md")
    assert run.status == ("completed" if passes else "stopped")
    # The worker itself got the task unredacted.
    where = kit.root if passes else kit.layout.worktree(run.id)
    assert (where / "leak.txt").read_text(encoding="utf-8") == PLANTED
    found = stored(Path(run.run_dir))
    attempts = range(1, run.attempt + 1)
    assert {"timeline.jsonl", "state.json", "task.md", "diff.patch", "report.md"} <= set(found)
    for number in attempts:
        assert {f"prompt-{number}.md", f"worker-{number}.jsonl", f"verify-{number}.log"} <= set(
            found
        )
    for name, text in found.items():
        for secret in SECRETS:
            assert secret not in text, name
    for name in ("task.md", "diff.patch", "prompt-1.md", "worker-1.jsonl", "verify-1.log"):
        assert REDACTED in found[name], name
    # What a commit is called is no secret.
    sha = journal.require(kit.layout.run(run.id)).start.base_sha
    for name in ("timeline.jsonl", "worker-1.jsonl"):
        assert sha in found[name], name
    assert re.search(r"^[0-9a-f]{40}$", found["verify-1.log"], re.MULTILINE)
