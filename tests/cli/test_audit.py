"""`runr audit`: the provenance of each commit."""

import subprocess

import pytest

from cli.terminal import Place

RUN = "20260101-120000-abcd"
CHECKPOINT = f"Runr-Run-Id: {RUN}\nRunr-Task: .runr/tasks/a.md\nRunr-Checkpoint: true\n"


def counts(place: Place, *words: str) -> dict[str, int]:
    found = place.runr("audit", "--json", *words, code=0).json["counts"]
    return {name: number for name, number in found.items() if number}


def save(place: Place, path: str, text: str, message: str = "By hand") -> str:
    """Commit one file and nothing of runr's."""
    place.write(path, text)
    place.git("add", "--", path)
    place.git("commit", "-q", "-m", message)
    return place.git("rev-parse", "HEAD").strip()


def worked(place: Place) -> str:
    """Let a run change the second of ten lines, and return its checkpoint."""
    save(place, "a.txt", "".join(f"{number}\n" for number in range(10)))
    place.script("a.md", "sed -i 's/^1$/one/' a.txt")
    return str(place.run("a")["checkpoint_sha"])


def test_each_commit_is_classed_by_its_trailers(place: Place) -> None:
    worked(place)
    save(place, "b.txt", "1\n", "Fix\n\nRunr-Intervention: true\nRunr-Reason: it was broken")
    save(place, "c.txt", "1\n", "Go on\n\nRunr-Session: 1f3a")
    unnamed = save(place, "d.txt", "1\n", "Without a trailer")
    answer = place.runr("audit", "--json", code=0).json
    assert answer["counts"] == {
        "checkpoint": 1,
        "manual_commit": 1,
        "attributed": 1,
        "inferred": 0,
        "unattributed": 3,
        "merge": 0,
    }
    assert (answer["covered_count"], answer["counted_count"], answer["coverage"]) == (3, 6, 50.0)
    first = answer["unattributed"][0]
    assert (first["commit_sha"], first["author"]) == (unnamed, "Ada Example")
    assert first["subject"] == "Without a trailer"
    shown = place.runr("audit", code=0).out
    assert "50.0% of 6 covered" in shown
    assert f"{unnamed[:12]}  {first['committed_at']}  Ada Example  Without a trailer" in shown


def test_fail_under_is_an_exit_code_for_ci(place: Place) -> None:
    worked(place)
    assert place.runr("audit", "--fail-under", "33", code=0).out.count("✓") == 1
    failed = place.runr("audit", "--fail-under", "33.4", code=1)
    assert "✗ 33.3% of 3 covered, required 33.4%" in failed.out
    assert place.runr("audit", "--fail-under", "34", "--json", code=1).json["passed"] is False
    place.runr("audit", "--fail-under", "101", code=2)


def test_a_range_is_all_that_is_looked_at(place: Place) -> None:
    worked(place)
    assert counts(place, "--range", "HEAD~1..HEAD") == {"checkpoint": 1}
    assert counts(place, "--range", "HEAD~1..") == {"checkpoint": 1}
    assert counts(place, "--range", "HEAD~1") == {"unattributed": 2}
    place.runr("audit", "--range", "HEAD~1..HEAD", "--fail-under", "100", code=0)


def test_an_empty_range_has_no_gaps(place: Place) -> None:
    result = place.runr("audit", "--range", "HEAD..HEAD", "--fail-under", "100", code=0)
    assert result.out == "No commits in HEAD..HEAD.\n"


def test_a_repository_without_a_commit_has_no_gaps(bare: Place) -> None:
    assert bare.runr("audit", "--fail-under", "100", code=0).out == "No commits in HEAD.\n"
    assert "there is no commit 'HEAD'" in bare.runr("audit", "--range", "HEAD", code=2).err


@pytest.mark.parametrize("wanted", ["mian..HEAD", "HEAD..mian", "mian", "mian...HEAD"])
def test_an_unknown_range_gets_the_near_match(place: Place, wanted: str) -> None:
    refused = place.runr("audit", "--range", wanted, code=2)
    assert "there is no commit 'mian'; did you mean 'main'?" in refused.err


@pytest.mark.parametrize("wanted", ["--output=x", "no such thing", "..nothing", "HEAD^9"])
def test_a_range_that_is_none_is_refused_in_one_line(place: Place, wanted: str) -> None:
    refused = place.runr("audit", f"--range={wanted}", code=2)
    assert refused.err.startswith("runr: there is no commit ")
    assert "output" not in place.git("status", "--porcelain")


def test_every_trailer_of_a_squash_commit_is_parsed_not_only_the_first(place: Place) -> None:
    text = f"Squash\n\nRunr-Session: 1f3a\n\nand\n\n{CHECKPOINT}\nCo-authored-by: Bob <b@c>"
    save(place, "a.txt", "1\n", text)
    assert counts(place, "--range", "HEAD~1..") == {"checkpoint": 1}


def test_all_checkpoints_of_submitted_work_are_covered_not_only_the_last(place: Place) -> None:
    for number in range(3):
        save(place, f"{number}.txt", "1\n", f"Step {number}\n\n{CHECKPOINT}")
    assert counts(place, "--range", "HEAD~3..") == {"checkpoint": 3}


def test_a_cherry_picked_and_a_rebased_checkpoint_keep_their_class(place: Place) -> None:
    sha = worked(place)
    place.git("switch", "-q", "-c", "other", "HEAD~1")
    save(place, "x.txt", "1\n")
    place.git("cherry-pick", sha)
    assert counts(place, "--range", "main..other") == {"checkpoint": 1, "unattributed": 1}


def test_a_checkpoint_that_lost_its_trailers_is_inferred_from_its_patch(place: Place) -> None:
    sha = worked(place)
    place.git("switch", "-q", "-c", "other", "HEAD~1")
    text = place.read("a.txt")
    save(place, "a.txt", f"{text}far below\n")
    place.git("cherry-pick", "--no-commit", sha)
    place.git("commit", "-q", "-m", "Squashed by a web site")
    answer = place.runr("audit", "--range", "main..other", "--json", code=0).json
    assert answer["counts"]["inferred"] == 1
    assert answer["inferred"][0]["same_as"] == sha


def test_a_squash_of_several_checkpoints_is_inferred_from_its_tree(place: Place) -> None:
    place.script("a.md", "echo 1 > a.txt; git add -A; git commit -qm mine; echo 2 > b.txt")
    place.commit("Tasks")
    before = place.git("rev-parse", "HEAD").strip()
    place.git("checkout", "-q", "--detach")
    branch = place.run("a", code=11)["branch"]
    place.git("switch", "-q", "main")
    place.git("merge", "-q", "--squash", branch)
    place.git("commit", "-q", "-m", "All of it")
    assert counts(place, "--range", f"{before}..") == {"inferred": 1}
    save(place, "c.txt", "1\n")
    place.git("revert", "--no-edit", "HEAD")
    assert counts(place, "--range", f"{before}..") == {"inferred": 1, "unattributed": 2}


def test_a_revert_is_no_checkpoint_though_its_tree_is_one(place: Place) -> None:
    worked(place)
    place.script("b.md", "echo 1 > b.txt")
    place.run("b")
    place.git("revert", "--no-edit", "HEAD")
    answer = place.runr("audit", "--range", "HEAD~2..", "--json", code=0).json
    assert (answer["counts"]["checkpoint"], answer["counts"]["unattributed"]) == (1, 1)
    assert answer["unattributed"][0]["subject"].startswith('Revert "b"')


def test_a_commit_beneath_an_empty_checkpoint_stays_a_gap(place: Place) -> None:
    save(place, "a.txt", "1\n")
    place.git("commit", "-q", "--allow-empty", "-m", f"Nothing\n\n{CHECKPOINT}")
    assert counts(place, "--range", "HEAD~2..") == {"checkpoint": 1, "unattributed": 1}


def test_binary_files_that_differ_are_not_the_same_change(place: Place) -> None:
    for name, byte in (("one", b"\x00\x01"), ("two", b"\x00\x02")):
        place.git("switch", "-q", "-c", name, "main")
        (place.root / "a.bin").write_bytes(byte)
        place.git("add", "a.bin")
        place.git("commit", "-q", "-m", f"{name}\n\n{CHECKPOINT if name == 'one' else ''}")
    place.git("merge", "-q", "-s", "ours", "-m", "Both", "one")
    found = counts(place, "--range", "main..")
    assert (found["checkpoint"], found["unattributed"]) == (1, 1)


def test_a_merge_that_changes_nothing_itself_is_not_counted(place: Place) -> None:
    base = worked(place)
    place.script("b.md", "echo 1 > b.txt; while ! test -e ../../../go; do :; done")
    started = place.runr("run", "--task", "b", "--detach", "--json", code=0).json["id"]
    place.await_phase(started, "work")
    save(place, "c.txt", "1\n", "By hand\n\nRunr-Intervention: true")
    place.write("go")
    assert place.await_end(started)["integration"] == "merge"
    answer = place.runr("audit", "--range", f"{base}..", "--json", code=0).json
    assert answer["counts"]["merge"] == 1
    assert (answer["commit_count"], answer["counted_count"], answer["coverage"]) == (3, 2, 100.0)


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_merge_that_changes_something_itself_is_unattributed(place: Place, by_hand: bool) -> None:
    save(place, "a.txt", "1\n")
    place.git("switch", "-q", "-c", "other")
    save(place, "b.txt", "1\n", f"There\n\n{CHECKPOINT}")
    place.git("switch", "-q", "main")
    save(place, "c.txt", "1\n", f"Here\n\n{CHECKPOINT}")
    place.git("merge", "-q", "--no-commit", "other")
    if by_hand:
        place.write("b.txt", "slipped in\n")
        place.git("add", "b.txt")
    place.git("commit", "-q", "-m", "Both")
    last = "unattributed" if by_hand else "merge"
    assert counts(place, "--range", "HEAD~2..") == {"checkpoint": 2, last: 1}


def test_a_message_with_odd_bytes_and_separators_breaks_nothing(place: Place) -> None:
    place.write("a.txt", "1\n")
    place.git("add", "a.txt")
    message = b"caf\xe9 \x1f \x1e odd\n\n\n\nRunr-Run-Id: x\x1fy\n"
    command = ["git", "-C", str(place.root), "commit", "-q", "--cleanup=verbatim", "-F", "-"]
    subprocess.run(command, input=message, check=True)
    save(place, "b.txt", "1\n", "Last")
    answer = place.runr("audit", "--json", code=0).json
    assert (answer["counts"]["attributed"], answer["counts"]["unattributed"]) == (1, 2)
    place.runr("audit", code=0)


@pytest.mark.long
def test_ten_thousand_commits_are_one_answer(bare: Place) -> None:
    stream = ["reset refs/heads/main\n"]
    for number in range(10_000):
        text = f"Step {number}\n\n{CHECKPOINT}" if number % 10 == 0 else f"Step {number}"
        stream.append(
            f"commit refs/heads/main\ncommitter Ada <a@b> {1_700_000_000 + number} +0000\n"
            f"data {len(text)}\n{text}\nM 100644 inline f{number % 100}.txt\n"
            f"data {len(str(number))}\n{number}\n"
        )
    command = ["git", "-C", str(bare.root), "fast-import", "--quiet"]
    subprocess.run(command, input="".join(stream).encode(), check=True)
    answer = bare.runr("audit", "--json", code=0).json
    assert (answer["commit_count"], answer["counts"]["checkpoint"]) == (10_000, 1000)
    assert len(answer["unattributed"]) == 9000
    assert "… and 8950 more" in bare.runr("audit", code=0).out


def test_a_clone_that_lacks_the_beginning_says_so(place: Place) -> None:
    save(place, "a.txt", "1\n")
    there = Place(place.root.with_name("shallow"), place.home)
    there.git("clone", "-q", "--depth", "1", f"file://{place.root}", ".")
    assert "this clone is shallow" in there.runr("audit", code=0).out
