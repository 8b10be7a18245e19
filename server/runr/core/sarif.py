"""Findings as SARIF 2.1.0, which code hosts show beside the lines that they are about."""

import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from runr.core.finding import RULES, Finding

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(findings: Iterable[Finding], version: str) -> str:
    """Return one SARIF log with one run."""
    rules = [{"id": rule, "shortDescription": {"text": meaning}} for rule, meaning in RULES.items()]
    driver = {"name": "runr", "version": version, "rules": rules}
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(each) for each in findings]}],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _result(finding: Finding) -> Mapping[str, object]:
    # A place without a line is shown at the top of the file.
    region = {"startLine": finding.line or 1}
    return {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.path)},
                    "region": region,
                }
            }
        ],
    }
