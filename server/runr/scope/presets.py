"""Named lists of what work in an ecosystem changes beside its sources, for `scope.presets`.

Pure.
"""

from runr.text import closest_match

#: Sources are missing on purpose: which of them a task may change is for its `owns` to say.
PRESETS: dict[str, tuple[str, ...]] = {
    "python": (
        "**/pyproject.toml",
        "**/setup.py",
        "**/setup.cfg",
        "requirements*.txt",
        "**/requirements/",
        "constraints*.txt",
        "**/Pipfile",
        "**/MANIFEST.in",
        "**/tox.ini",
        "**/noxfile.py",
        "**/pytest.ini",
        "**/mypy.ini",
        "**/ruff.toml",
        "**/py.typed",
    ),
    "node": (
        "**/package.json",
        "**/pnpm-workspace.yaml",
        "**/.nvmrc",
        "**/.node-version",
        "**/.eslintignore",
        "**/.prettierignore",
        ".eslintrc*",
        "eslint.config.*",
        ".prettierrc*",
        "prettier.config.*",
        "babel.config.*",
        "vite.config.*",
        "webpack.config.*",
        "rollup.config.*",
    ),
    "typescript": ("tsconfig*.json", "*.d.ts", "typedoc*.json", "tsup.config.*"),
    "rust": (
        "**/Cargo.toml",
        "**/build.rs",
        "**/rustfmt.toml",
        "**/clippy.toml",
        "**/rust-toolchain.toml",
        "**/rust-toolchain",
    ),
    "go": ("**/go.mod", "**/go.work", ".golangci.*"),
    "docs": (
        "docs/",
        "doc/",
        "README*",
        "CHANGELOG*",
        "CONTRIBUTING*",
        "mkdocs.*",
        "**/.readthedocs.yaml",
    ),
    "tests": (
        "**/tests/",
        "**/test/",
        "**/__tests__/",
        "**/__snapshots__/",
        "**/testdata/",
        "**/conftest.py",
        "test_*.py",
        "*_test.py",
        "*_test.go",
        "*.test.*",
        "*.spec.*",
        "jest.config.*",
        "vitest.config.*",
        "playwright.config.*",
    ),
    "ci": (
        ".github/workflows/",
        ".github/actions/",
        ".gitlab-ci.yml",
        ".circleci/",
        ".buildkite/",
        "azure-pipelines.yml",
        "bitbucket-pipelines.yml",
        "Jenkinsfile",
        ".pre-commit-config.yaml",
    ),
}


def patterns(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns of the named presets, in order."""
    return tuple(dict.fromkeys(pattern for name in names for pattern in PRESETS[name]))


def known(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` as they are; ValueError for one that is no preset, with the near match."""
    for name in names:
        if name not in PRESETS:
            near = closest_match(name, PRESETS)
            offer = f"did you mean `{near}`?" if near else f"known presets: {', '.join(PRESETS)}"
            raise ValueError(f"there is no preset `{name}`; {offer}")
    return names
