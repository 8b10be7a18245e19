"""Manifests with which an install of dependencies takes code of the repository."""

import json

import pytest

from runr.runs import setup_manifests

CODE = (
    ("package.json", '{"scripts": {"postinstall": "prisma generate"}}'),
    ("package.json", '{"scripts": {"prepare": "husky && npm run build"}}'),
    ("package.json", '{"devDependencies": {"core": "file:packages/core"}}'),
    ("package.json", '{"dependenciesMeta": {"core": {"injected": true}}}'),
    ("composer.json", '{"scripts": {"post-install-cmd": ["@build"]}}'),
    ("composer.json", '{"repositories": [{"type": "path", "url": "packages/*"}]}'),
    (".npmrc", "fund=false\ninstall-links=true\n"),
    ("requirements.txt", "pytest\n./packages/core\n"),
    ("requirements-dev.txt", "core @ file:///srv/core\n"),
    ("requirements.txt", "vendor/core-1.0.whl\n"),
    ("pyproject.toml", '[tool.uv.sources]\ncore = { path = "packages/core" }\n'),
    ("pyproject.toml", '[tool.poetry.dependencies]\ncore = { path = "core", extras = ["a"] }\n'),
    ("pyproject.toml", '[project]\ndependencies = ["core @ file:///srv/core"]\n'),
    ("Pipfile", '[packages]\ncore = { path = "." }\n'),
)
NO_CODE = (
    ("package.json", '{"scripts": {"prepare": "husky", "build": "tsc", "test": "jest"}}'),
    ("package.json", '{"scripts": {"postinstall": "patch-package", "prepare": "husky || true"}}'),
    (
        "package.json",
        '{"dependencies": {"core": "workspace:*", "left": "^1.0", "own": "link:own"}}',
    ),
    ("package.json", json.dumps(["no", "object"])),
    ("package.json", "not JSON"),
    ("composer.json", '{"scripts": {"test": "phpunit"}, "repositories": [{"type": "vcs"}]}'),
    (".npmrc", "install-links=false\n"),
    ("requirements.txt", "-e ./packages/core\n-r base.txt\n# ./old\nflask[async]>=2 ; os_name\n"),
    ("pyproject.toml", '[tool.uv.sources]\ncore = { path = "core", editable = true }\n'),
    ("pyproject.toml", '[tool.coverage.paths]\npath = "src"\n[project]\ndependencies = ["a>=1"]\n'),
    ("Pipfile", '[packages]\ncore = { path = ".", editable = true }\n'),
)


@pytest.mark.parametrize(("name", "text"), CODE)
def test_a_manifest_that_builds_or_copies_code_uses_it(name: str, text: str) -> None:
    assert setup_manifests.NAMES.fullmatch(name)
    assert setup_manifests.uses_code(name, text)


@pytest.mark.parametrize(("name", "text"), NO_CODE)
def test_one_that_installs_what_is_published_or_links_does_not(name: str, text: str) -> None:
    assert not setup_manifests.uses_code(name, text)
