"""What a task file's bytes say: types, titles, digests, and one clear problem for each mistake."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runr.tasks.document import HEADER_LIMIT, split
from runr.tasks.model import Problem, Task, TaskType, WorkerOptions
from runr.tasks.parser import body, parse, stem


def task(text: str | bytes, path: str = ".runr/tasks/05-build.md") -> Task:
    return parse(path, text if isinstance(text, bytes) else text.encode())


def with_header(*lines: str, text: str = "# Title") -> Task:
    return task("\n".join(["---", *lines, "---", text, ""]))


def the_problem(of: Task) -> Problem:
    assert len(of.problems) == 1, of.problems
    return of.problems[0]


def test_every_key_arrives_with_its_type() -> None:
    read = with_header(
        "title: Build the API",
        "type: hybrid",
        "depends_on: [00-setup.md, ../other/x.md]",
        "owns: [src/api/, docs/api.md]",
        'verify: ["pytest -q"]',
        "tier: tier2",
        "worker: claude-code",
        "tags:",
        "  - api",
        "priority: -3",
        "timeout: 1h30m",
    )
    assert read.problems == ()
    assert (read.title, read.type, read.tier) == ("Build the API", TaskType.HYBRID, "tier2")
    assert read.depends_on == ("00-setup.md", "../other/x.md")
    assert read.owns == ("src/api/", "docs/api.md")
    assert read.verify == ("pytest -q",)
    assert (read.worker, read.tags, read.priority) == ("claude-code", ("api",), -3)
    assert read.timeout_s == 5400


def test_what_is_asked_of_the_worker_is_apart_from_the_task() -> None:
    read = with_header("model: large", "budget_usd: 2.5", "allowed_tools: [Read]")
    asked = WorkerOptions(model="large", budget_usd=2.5, allowed_tools=("Read",))
    assert read.worker_options == asked
    assert with_header("worker: codex").worker_options == WorkerOptions()


def test_a_list_may_be_written_as_one_scalar() -> None:
    read = with_header("depends_on: a.md", "owns: src", "verify: make test", "tags: api")
    assert (read.depends_on, read.owns) == (("a.md",), ("src",))
    assert (read.verify, read.tags) == (("make test",), ("api",))
    assert read.problems == ()


@pytest.mark.parametrize(
    "scalar", ["1.10", "0123", "12:30", "on", "yes", "off", "2025-01-08", "0x1f", "1e3", ".inf"]
)
def test_plain_scalars_stay_text(scalar: str) -> None:
    read = with_header(f"title: {scalar}", f"tags: [{scalar}]")
    assert (read.title, read.tags) == (scalar, (scalar,))
    assert read.problems == ()


@pytest.mark.parametrize("nothing", ["", "~", "null"])
def test_a_key_without_a_value_says_the_same_as_no_key(nothing: str) -> None:
    read = with_header(f"tags: {nothing}", f"worker: {nothing}", f"timeout: {nothing}")
    assert (read.tags, read.worker, read.timeout_s, read.problems) == ((), None, None, ())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        "---\n---",
        "---\n---\n",
        "---\n\n---\n",
        "---\n# nothing yet\n---\n",
        "---\nstatus: completed\n---",
    ],
)
def test_a_file_without_header_values_is_a_task_named_after_the_file(content: str) -> None:
    read = task(content, ".runr/tasks/group/07-last.md")
    assert read.title == "07-last"
    assert read.problems == ()


def test_blank_lines_may_stand_above_the_header_and_are_counted() -> None:
    read = task("\n \n---\ntitle: A\npriority: high\n---\n")
    assert (read.title, the_problem(read).line) == ("A", 5)


def test_a_rule_below_text_opens_no_header() -> None:
    read = task("# A\n\n---\ntitle: B\n---\n")
    assert (read.title, read.problems) == ("A", ())


def test_a_rule_in_the_body_ends_nothing() -> None:
    content = b"---\ntitle: A\n---\n\n# B\n\n---\n\nrest\n"
    assert body(content) == "# B\n\n---\n\nrest"
    assert task(content).problems == ()


def test_status_keys_of_earlier_tools_are_known_and_without_effect() -> None:
    read = with_header(
        "status: completed", "completed_at: x", "completed_by: y", "completed_commit: z"
    )
    assert read.problems == ()
    assert read.sha256 == with_header().sha256


# Titles


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Plain", "Plain"),
        ("intro\n\n# After text", "After text"),
        ("# Closed ##", "Closed"),
        ("# C#", "C#"),
        ("#no space\n# Yes", "Yes"),
        ("## Second level\n# First level", "First level"),
        ("```sh\n# comment\n```\n# After the fence", "After the fence"),
        ("~~~~\n```\n# no\n~~~\n# no\n~~~~~\n# After tildes", "After tildes"),
        ("```\n# never closed", "05-build"),
        ("    # code\n", "05-build"),
        ("#\n# Not empty", "Not empty"),
        ("# Two  spaces\tand \x1b[31mred", "Two spaces and [31mred"),
    ],
)
def test_the_title_is_the_first_heading_outside_code(text: str, title: str) -> None:
    assert task(text).title == title
    assert with_header(text=text).title == title


def test_a_title_in_the_header_wins_over_the_heading_and_stays_on_one_line() -> None:
    assert with_header("title: |", "  From the", "  header").title == "From the header"


def test_an_empty_title_falls_back_to_the_heading() -> None:
    assert with_header('title: ""', text="# Heading").title == "Heading"


@pytest.mark.parametrize("path", ["a.b.md", "group/a.b.md", ".runr/tasks/deep/group/a.b.md"])
def test_the_name_of_the_file_is_the_title_without_folders_and_ending(path: str) -> None:
    assert stem(path) == task("", path).title == "a.b"


# Problems, one by one


@pytest.mark.parametrize(
    ("header", "code", "line", "said"),
    [
        (["tags: a", "priority: 1", "tags: b"], "duplicate_key", 4, "`tags` occurs twice"),
        (['"tags": a', "tags: b"], "duplicate_key", 3, "first on line 2"),
        (["extra: {a: 1, a: 2}"], "duplicate_key", 2, "`a` occurs twice"),
        (["- a", "- b"], "not_a_mapping", 2, "is a list"),
        (["Just a sentence."], "not_a_mapping", 2, "is plain text"),
        (["", "title:A"], "not_a_mapping", 3, "a space behind the colon"),
        (["tags: [a]", "cron: */5 * * * *"], "yaml_syntax", 3, '`cron: "*/5 * * * *"`'),
        (["worker: @me"], "yaml_syntax", 2, '`worker: "@me"`'),
        (["title: `x`"], "yaml_syntax", 2, '`title: "`x`"`'),
        (["title: {x"], "yaml_syntax", 2, '`title: "{x"`'),
        (["title: {{ x }}"], "yaml_syntax", 2, '`title: "{{ x }}"`'),
        (["title: %x"], "yaml_syntax", 2, '`title: "%x"`'),
        (["title: Fix: it"], "yaml_syntax", 2, '`title: "Fix: it"`'),
        (['title: Say "x": y'], "yaml_syntax", 2, "`title: 'Say \"x\": y'`"),
        (['title: Say "it\'s": y'], "yaml_syntax", 2, "`title: 'Say \"it''s\": y'`"),
        (["title: it's: y"], "yaml_syntax", 2, '`title: "it\'s: y"`'),
        (['title: a"b: c'], "yaml_syntax", 2, "`title: 'a\"b: c'`"),
        (['title: "a": b'], "yaml_syntax", 2, "a second `: `"),
        (["title: a: b\tc"], "yaml_syntax", 2, '`title: "a: b c"`'),
        (["title: !important"], "yaml_syntax", 2, '`title: "!important"`'),
        (["verify:", "  - @x"], "yaml_syntax", 3, '`- "@x"`'),
        (["verify: [make, @x]"], "yaml_syntax", 2, "the text that begins with `@`"),
        (["%x: y"], "yaml_syntax", 2, "the text that begins with `%`"),
        (["title: - a"], "yaml_syntax", 2, '`title: "- a"`'),
        (["title: A", "Hello"], "yaml_syntax", 3, "`Hello` is no YAML: this line is no"),
        (['title: "A', "tags: b"], "yaml_syntax", 2, "never closed"),
        (["tags: ["], "yaml_syntax", 2, "`tags: [` is no YAML: a value is missing"),
        (["title: A", "tags: [a,", " ", "", ""], "yaml_syntax", 3, "a bracket is never closed"),
        (["tags: [a", "title: b"], "yaml_syntax", 2, "the closing `]` is missing"),
        (["title: 'it's'"], "yaml_syntax", 2, "after the value"),
        (["title: A", "tags: 'it's'"], "yaml_syntax", 3, "after the value"),
        (['title: "\\d"'], "yaml_syntax", 2, "use single quotes"),
        (["title: A", "--- tags: b"], "yaml_syntax", 2, "the header contains"),
        (["title: A\x07"], "yaml_syntax", 2, "U+0007"),
        (["? [a]", ": b"], "yaml_syntax", 2, "a key must be text"),
        (["title: !!python/object:os.system x"], "yaml_syntax", 2, "put the value in quotes"),
        (["title: !!timestamp noon"], "yaml_syntax", 2, "put the value in quotes"),
        (["priority: !!int 5"], "yaml_syntax", 2, "put the value in quotes"),
        (["tags:", "\t- a"], "tab", 3, "a tab indents `- a`"),
        (["title: a", "\tb: c"], "tab", 3, "a tab indents `b: c`"),
        (["tags: *a"], "yaml_alias", 2, '`tags: "*a"`'),
        (["tags: &a b"], "yaml_alias", 2, "a YAML anchor"),
        (["type: autmated"], "wrong_value", 2, "did you mean `automated`?"),
        (["type: zzz"], "wrong_value", 2, "write one of automated, manual, hybrid"),
        (["tier: tier9"], "wrong_value", 2, "did you mean `tier"),
        (["title: A", "priority: high"], "wrong_value", 3, "a whole number, not `high`"),
        (["priority: 1.5"], "wrong_value", 2, "a whole number, not `1.5`"),
        (["timeout: soon"], "wrong_value", 2, "'soon' is not a duration"),
        (["timeout: 0"], "wrong_value", 2, "between a second and a year"),
        ([f"timeout: {'9' * 5000}"], "wrong_value", 2, "between a second and a year"),
        ([f"priority: {'9' * 5000}"], "wrong_value", 2, "a whole number"),
        (["depends_on: {a: b}"], "wrong_value", 2, "`depends_on` is a mapping"),
        (["verify:", "  - make", "  - echo a: b"], "wrong_value", 4, "item 2 is a mapping"),
        (["tags: [a, [b]]"], "wrong_value", 2, "`tags` item 2 is a list"),
        (["owns: ['', ~]"], "wrong_value", 2, "`owns` item 1 is empty"),
        (["verify: ' '"], "wrong_value", 2, "`verify` item 1 is empty"),
        (['verify: "a\\0b"'], "wrong_value", 2, "NUL"),
        (["worker: [a]"], "wrong_value", 2, "`worker` is a list: write one value"),
        (["title: {a: b}"], "wrong_value", 2, "needs quotes"),
        (["title: A", "...", "# Body"], "unclosed_header", 1, "on line 3 instead of `...`"),
        (["extra: " + "[" * 5000 + "]" * 5000], "too_deep", 2, "nested"),
        (["extra:", *["  ["] * 5000], "too_deep", 52, "nested"),
        (["title: A", "extra: " + "{a: " * 5000 + "}" * 5000], "too_deep", 3, "nested"),
        (["- " * 20000 + "x"], "too_deep", 2, "nested"),
        (
            [f"k{number}: {'x' * 80}" for number in range(1000)],
            "header_too_large",
            1,
            "than 64 KiB",
        ),
    ],
    ids=lambda value: value[-1][:30] if isinstance(value, list) else None,
)
def test_a_mistake_in_the_header_is_one_error_with_its_line(
    header: list[str], code: str, line: int, said: str
) -> None:
    read = with_header(*header)
    problem = the_problem(read)
    assert (problem.code, problem.line, problem.severity) == (code, line, "error")
    assert said in problem.message
    assert len(problem.message) < 300
    assert problem.message.isprintable()
    assert read.error == problem


@pytest.mark.parametrize("title", ["((((", "a" + "[" * 5000, "a" + "{-:?" * 5000])
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_brackets_in_a_text_are_not_nesting(title: str, quote: str) -> None:
    read = with_header(f"title: {quote}{title}{quote}")
    assert (read.problems, read.title) == ((), title)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"---", 1),
        (b"---\n", 1),
        (b"---\ntitle: A\n\n# Body\n", 1),
        (b"\n---\ntitle: A\n...\n# B\n", 2),
    ],
)
def test_an_unclosed_header_is_one_error_where_it_was_opened(content: bytes, line: int) -> None:
    problem = the_problem(task(content))
    assert (problem.code, problem.line, problem.severity) == ("unclosed_header", line, "error")


def test_an_unclosed_header_says_how_to_close_it() -> None:
    assert "put a line `---`" in the_problem(task("---\ntitle: A\n")).message
    dots = the_problem(task("\n---\ntitle: A\n...\n# Body\n---\n"))
    assert "write `---` on line 4 instead of `...`" in dots.message


def test_a_header_ends_with_its_last_line_and_may_have_as_many_letters_as_allowed() -> None:
    header = "title: ".ljust(HEADER_LIMIT - 1, "x") + "\n"
    assert split(f"\n---\n{header}---\nbody\n".encode()) == (header, 2, "body", ())
    assert the_problem(task(f"---\nx{header}---\nbody")).code == "header_too_large"


def test_a_byte_order_mark_is_a_warning_and_the_header_is_read() -> None:
    read = task(b"\xef\xbb\xbf---\ntitle: A\n---\n")
    problem = the_problem(read)
    assert (read.title, problem.code, problem.line) == ("A", "bom", 1)
    assert (problem.severity, read.error) == ("warning", None)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"---\r\ntitle: A\r\ntags: [b]\r\n---\r\ntext\r\n", 1),
        (b"---\ntitle: A\r\ntags: [b]\n---\ntext", 2),
        (b"\n---\r\ntitle: A\ntags: [b]\n---\ntext", 2),
        (b"---\rtitle: A\rtags: [b]\r---\rtext", 1),
    ],
)
def test_windows_line_ends_are_a_warning_and_the_header_is_read(content: bytes, line: int) -> None:
    read = task(content)
    problem = the_problem(read)
    assert (problem.code, problem.line, problem.severity) == ("crlf", line, "warning")
    assert (read.title, read.tags, body(content)) == ("A", ("b",), "text")


def test_lines_are_those_of_the_file_with_windows_line_ends_too() -> None:
    read = task(b"---\r\ntitle: A\r\npriority: high\r\n---\r\n")
    assert [(p.code, p.line) for p in read.problems] == [("crlf", 1), ("wrong_value", 3)]


def test_bytes_that_are_no_utf_8_are_one_error_with_their_line() -> None:
    content = "---\ntitle: A\n---\ntext\nCafé\n".encode("latin-1")
    read = task(content)
    problem = the_problem(read)
    assert (problem.code, problem.line) == ("not_utf8", 5)
    assert "0xe9 at offset 25" in problem.message
    assert read.title == "05-build"
    (first,) = task(b"\n\xe9").problems
    assert first.line == 2
    assert "Caf\N{REPLACEMENT CHARACTER}" in body(content)


def test_an_unknown_key_is_a_warning_with_the_near_match() -> None:
    problem = the_problem(with_header("title: A", "depend_on: b"))
    assert (problem.code, problem.line, problem.severity) == ("unknown_key", 3, "warning")
    assert "`depend_on`: did you mean `depends_on`?" in problem.message


def test_an_unknown_key_without_a_near_match_is_kept_and_said_to_have_no_effect() -> None:
    read = with_header("zebra: b")
    assert "has no effect" in the_problem(read).message
    assert read.sha256 != with_header().sha256


@pytest.mark.parametrize("key", ["~", "''", "<<", "12", "on", '"\\e[31m"'])
def test_odd_keys_are_unknown_keys(key: str) -> None:
    problem = the_problem(with_header(f"{key}: {{a: b}}"))
    assert problem.code == "unknown_key"
    assert problem.message.isprintable()


def test_each_wrong_value_is_one_problem_and_the_other_fields_are_read() -> None:
    read = with_header("timeout: soon", "tags: [a]", "type: x", "owns: ['', ''] ", "title: B")
    assert [(p.code, p.line) for p in read.problems] == [
        ("wrong_value", 2),
        ("wrong_value", 4),
        ("wrong_value", 5),
    ]
    assert (read.title, read.tags, read.owns) == ("B", ("a",), ())
    assert (read.type, read.timeout_s) == (TaskType.AUTOMATED, None)


def test_line_breaks_that_only_yaml_knows_do_not_change_line_numbers() -> None:
    read = with_header("title: a\x85b\u2028c\u2029d", "priority: high")
    assert (read.title, the_problem(read).line) == ("a b c d", 3)


def test_fifty_thousand_aliases_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert the_problem(with_header(*lines)).code == "yaml_alias"
    # As flat as it gets: the header's size is what stops this one.
    flat = "tags: [" + ",".join(["*a"] * 50_000) + "]"
    assert the_problem(with_header(flat)).code == "header_too_large"
    assert the_problem(with_header(flat[:60_000] + "]")).code == "yaml_alias"


@given(st.binary(max_size=200))
@example(b"---\n\xef\xbb\xbf\n---\n")
@example(b"\x0c---\n---\n")
def test_any_bytes_are_parsed_without_an_exception(content: bytes) -> None:
    assert task(content).title
    assert isinstance(body(content), str)


@given(st.text(alphabet="a:-?[]{}&*!|>%@`'\"#,\\ \t\n\r\x00\x85\u2028~<.=0\ufeff\U0001f600"))
def test_no_header_raises_or_is_dropped_in_silence(header: str) -> None:
    read = task(f"---\n{header}\n---\n# T\n")
    assert task(f"---\n{header}\n---\n# T\n") == read
    for problem in read.problems:
        assert problem.line is not None
        assert 1 <= problem.line <= header.count("\n") + header.count("\r") + 4
        assert problem.message.isprintable()


# Digests

WHITE = st.text(alphabet=" \t\n\v\f\r\u00a0\u2003", min_size=1, max_size=4)


@given(WHITE, WHITE, WHITE)
def test_white_space_in_the_body_does_not_change_the_digest(
    before: str, between: str, after: str
) -> None:
    plain = with_header("priority: 1", text="one two")
    spaced = task(f"---\npriority:   1\n\n---\n{before}one{between}two{after}")
    assert spaced.sha256 == plain.sha256


@given(st.permutations(["tags: [a]", "priority: 1", "owns: b", "status: pending", "# note"]))
def test_key_order_comments_and_status_do_not_change_the_digest(lines: list[str]) -> None:
    assert with_header(*lines).sha256 == with_header("owns: b", "tags: [a]", "priority: 1").sha256


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("priority: 2", "one two"),
        ("priority: 1\ntags: a", "one two"),
        ("", "one two"),
        ("priority: 1", "one  two three"),
        ("priority: 1", "onetwo"),
        ("priority: 1\nother: x", "one two"),
    ],
)
def test_any_other_change_changes_the_digest(header: str, text: str) -> None:
    assert (
        with_header(header, text=text).sha256 != with_header("priority: 1", text="one two").sha256
    )


def test_moving_text_between_header_and_body_changes_the_digest() -> None:
    assert task("one").sha256 == task("---\n---\none").sha256
    assert task("{}").sha256 != task("").sha256


def test_byte_order_mark_and_line_ends_do_not_change_the_digest() -> None:
    plain = task(b"---\ntitle: A\n---\ntext\n")
    assert task(b"\xef\xbb\xbf---\r\ntitle: A\r\n---\r\ntext\r\n").sha256 == plain.sha256


def test_a_file_whose_header_cannot_be_read_has_the_digest_of_its_bytes() -> None:
    broken = "---\ntitle: @x\n---\ntext"
    assert task(broken).sha256 != task(broken + "\n").sha256
    assert task(broken).sha256 == task(broken, ".runr/tasks/other.md").sha256


def test_a_wrong_value_leaves_the_digest_free_of_white_space() -> None:
    wrong = "---\npriority: high\n---\ntext"
    assert task(wrong).sha256 == task(wrong + "\n\n").sha256


# Bodies


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"---\ntitle: A\n---\n\n# B\n\n    code\n\n", "# B\n\n    code"),
        (b"---\ntitle: A\n---\n\n    code first\n", "    code first"),
        (b"\xef\xbb\xbf# B\r\nC\r\n", "# B\nC"),
        (b"---\n- broken\n---\nstill here\n", "still here"),
        (b"# B\n", "# B"),
    ],
)
def test_the_body_is_the_text_below_the_header(content: bytes, text: str) -> None:
    assert body(content) == text
