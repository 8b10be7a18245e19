"""Diagnostics: what is found in tasks, with which words, and how SARIF shows it."""

import json

import pytest

from runr.lint.finding import (
    RULES,
    Diagnostic,
    cycle_diagnostics,
    dependency_diagnostics,
    header_diagnostics,
    name_diagnostics,
    render_sarif,
    scope_diagnostics,
)
from runr.query.graph import Graph
from runr.tasks.model import Problem, Task


def task(path: str, *needs: str, owns: tuple[str, ...] = ()) -> Task:
    return Task(f".runr/tasks/{path}", path, depends_on=needs, owns=owns)


def test_a_checkout_keeps_one_of_names_that_differ_in_case_or_accents() -> None:
    names = ["a.md", "caf\u00e9.md", "A.md", "cafe\u0301.md", "b.md"]
    found = list(name_diagnostics(map(task, names)))
    assert [(each.rule, each.severity, each.path) for each in found] == [
        ("name-clash", "warning", ".runr/tasks/A.md"),
        ("name-clash", "warning", ".runr/tasks/cafe\u0301.md"),
    ]
    assert found[0].message.startswith("its name differs from .runr/tasks/a.md only in case")


@pytest.mark.parametrize(
    ("path", "outside"),
    [
        ("/etc", True),
        ("~/x", True),
        ("../x", True),
        ("a/../b", True),
        ("a/..", True),
        ("a..b", False),
        ("a/...", False),
        ("src/~", False),
        (".", False),
    ],
)
def test_a_path_that_leads_out_of_the_repository_is_named(path: str, *, outside: bool) -> None:
    found = list(scope_diagnostics(task("a.md", owns=("src/", path))))
    assert [(each.rule, each.severity) for each in found] == [
        ("scope-outside", "warning")
    ] * outside
    assert all(each.message.startswith(f"owns {path}, which leads") for each in found)


def test_a_problem_of_the_file_keeps_its_line_under_the_rule_of_its_kind() -> None:
    codes = ["unknown_key", "empty_check", "bom", "crlf", "not_utf8", "yaml_syntax"]
    problems = tuple(Problem(code, f"about {code}", line=n) for n, code in enumerate(codes))
    warned = (*problems[:-1], problems[-1]._replace(severity="warning"))
    found = header_diagnostics(task("a.md")._replace(problems=warned))
    assert [each.rule for each in found] == [
        "unknown-key",
        "empty-check",
        *["file"] * 3,
        "header",
    ]
    assert [each.severity for each in found] == ["error"] * 5 + ["warning"]
    assert [(each.message, each.line) for each in found] == [
        (f"about {code}", line) for line, code in enumerate(codes)
    ]


def test_a_dependency_that_leads_nowhere_is_named_with_the_near_match() -> None:
    tasks = [task("setup.md", "stup.md", "zebra", "setup"), task("b.md", "stup")]
    found = list(dependency_diagnostics(tasks, Graph.of(tasks)))
    assert [(each.rule, each.severity, each.message) for each in found] == [
        ("dependency", "error", f"depends on {message}")
        for message in (
            "stup.md (no such task); did you mean `setup`?",
            "zebra (no such task)",
            "setup (the task itself)",
            "stup (no such task); did you mean `setup`?",
        )
    ]


def test_only_the_first_unknown_names_are_compared_with_all_others() -> None:
    tasks = [task("a-task.md", *[f"a-task{number}" for number in range(30)])]
    found = [each.message for each in dependency_diagnostics(tasks, Graph.of(tasks))]
    assert ["did you mean `a-task`?" in message for message in found] == [True] * 20 + [False] * 10


def test_a_cycle_is_named_once_at_its_first_task() -> None:
    tasks = [task("c.md", "b"), task("b.md", "c"), task("a.md", "b"), task("d.md", "d2")]
    (found,) = cycle_diagnostics(Graph.of(tasks))
    assert (found.rule, found.severity, found.path) == ("cycle", "error", ".runr/tasks/b.md")
    assert found.message in (
        "waits for itself: b.md → c.md → b.md",
        "waits for itself: c.md → b.md → c.md",
    )


def test_sarif_has_every_rule_and_each_result_with_its_place() -> None:
    findings = [
        Diagnostic(rule="file", severity="warning", path="a b.md", message="é\x7f", line=3),
        Diagnostic(rule="header", severity="error", path="c.md", message="y"),
    ]
    text = render_sarif(findings, "1.2")
    assert "\x7f" not in text
    assert "é" in text
    (run,) = json.loads(text)["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("runr", "1.2")
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    shown = [
        (each["ruleId"], driver["rules"][each["ruleIndex"]]["id"], each["level"])
        for each in run["results"]
    ]
    assert shown == [("file", "file", "warning"), ("header", "header", "error")]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert [
        (place["artifactLocation"]["uri"], place["region"]["startLine"]) for place in places
    ] == [("a%20b.md", 3), ("c.md", 1)]
    assert [each["message"]["text"] for each in run["results"]] == ["é\x7f", "y"]
