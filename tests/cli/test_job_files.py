"""Job files that cannot be used: the others still are."""

import pytest

from cli.terminal import Place


@pytest.mark.parametrize(
    ("name", "message"),
    [("link.yaml", "is a symbolic link"), ("large.yaml", "bytes, at most 1,000,000")],
)
def test_one_that_cannot_be_read_leaves_the_other_jobs_alone(
    place: Place, name: str, message: str
) -> None:
    place.script("a.md", "echo a > a.txt")
    place.write(".runr/jobs/good.yaml", "tracks: {t: [{task: a}]}\n")
    place.write(".runr/jobs/large.yaml", "#" * 1_000_001)
    (place.root / ".runr/jobs/link.yaml").symlink_to("nowhere")
    place.commit("Tasks")
    shown = place.runr("list-jobs").out
    assert "good" in shown
    assert f".runr/jobs/{name}" in shown
    assert message in shown
    assert "good" in place.runr("job", "run", "good", "--dry-run", code=0).out
