"""The formats of secrets: each is recognised by an example as its issuer documents it."""

import pytest

from runr.redaction import redact
from runr.secret_formats import FORMATS

HEX, WORD, UPPER = "0a1b2c3d" * 8, "a1B2c3D4e5" * 8, "A1B2C3D4E5" * 8
#: Lines of a private key, and its first and last line.
BODY, DASHES = "MIIEpAIBAAKCAQEA0Z3VS5JJ\n" * 3, "-" * 5

#: What each begins with, and what follows it; of a pair, only the second is the secret.
# Written in two parts, so that no scanner takes this file for a leak.
EXAMPLES: dict[str, str | tuple[str, str]] = {
    "ghp_": WORD[:36],
    "gho_": WORD[:36],
    "ghs_": WORD[:36],
    "ghu_": WORD[:36],
    "ghr_": WORD[:36],
    "github_pat_": WORD[:22] + "_" + WORD[:59],
    "glpat-": WORD[:20],
    "glrt-": WORD[:20],
    "gldt-": WORD[:20],
    "glptt-": HEX[:40],
    "sk-": "ant-api03-" + WORD,
    "AKIA": UPPER[:16],
    "ASIA": UPPER[:16],
    "xox": "b-123456789012-" + WORD[:24],
    "xapp-": "1-" + UPPER[:11] + "-1234567890123-" + HEX,
    "AIza": WORD[:35],
    "ya29.": "a0" + WORD,
    "npm_": WORD[:36],
    "pypi-": "AgEIcHlwaS5vcmc" + WORD,
    "rubygems_": HEX[:48],
    "hf_": WORD[:34],
    "gsk_": WORD[:52],
    "SG.": WORD[:22] + "." + WORD[:43],
    "xkeysib-": HEX[:64] + "-" + WORD[:16],
    "dop_v1_": HEX[:64],
    "doo_v1_": HEX[:64],
    "dor_v1_": HEX[:64],
    "shpat_": HEX[:32],
    "shpca_": HEX[:32],
    "shppa_": HEX[:32],
    "shpss_": HEX[:32],
    "dckr_pat_": WORD[:27],
    "hvs.": "CAES" + WORD,
    "lin_api_": WORD[:40],
    "ATATT3": "xFfGF0" + WORD,
    "sntrys_": "eyJ" + WORD,
    "sntryu_": HEX,
    "NRAK-": UPPER[:27],
    "PMAK-": HEX[:24] + "-" + HEX[:34],
    "pscale_tkn_": WORD[:43],
    "pscale_pw_": WORD[:43],
    "SK": HEX[:32],
    "key-": HEX[:32],
    ":AA": ("", WORD[:33]),
    "dp.": "pt." + WORD[:43],
    "dapi": HEX[:32],
    "xai-": WORD[:80],
    "r8_": WORD[:37],
    "pplx-": WORD[:48],
    "sbp_": HEX[:40],
    "fo1_": WORD[:43],
    "fm2_": WORD[:43],
    "whsec_": WORD[:32],
    "GOCSPX-": WORD[:28],
    "1//0": "g" + WORD[:60],
    ".atlasv1.": ("", WORD[:64]),
    "ntn_": WORD[:46],
    "secret_": WORD[:43],
    "figd_": WORD[:40],
    "nfp_": WORD[:36],
    "glsa_": WORD[:32] + "_" + HEX[:8],
    "glc_": "eyJ" + WORD[:60],
    "sq0atp-": WORD[:22],
    "sq0csp-": WORD[:43],
    "EAAA": WORD[:60],
    "api_org_": WORD[:34],
    "$apr1$": HEX[:8] + "$" + WORD[:22],
    "$2b$": "12$" + WORD[:53],
    "$6$": HEX[:8] + "$" + WORD[:80],
    "$2a$": "12$" + WORD[:53],
    "$2y$": "12$" + WORD[:53],
    "docker login ": ("-u ada -p ", WORD[:12]),
    "podman login ": ("-u ada -p ", WORD[:12]),
    "auth": ('": "', WORD[:24] + "=="),
    "machine ": ("host.example login ada password ", WORD[:12]),
    "et-Cookie: ": ("sid=", WORD[:32]),
    "et-cookie: ": ("sid=", WORD[:32]),
    "--token ": ("", WORD[:20]),
    "--password ": ("", WORD[:8]),
    "--passwd ": ("", WORD[:8]),
    "--secret ": ("", WORD[:20]),
    "--api-key ": ("", WORD[:20]),
    "--access-token ": ("", WORD[:20]),
    "AGE-SECRET-KEY-1": UPPER[:58],
    "eyJ": "hbGciOiJIUzI1NiJ9." + "eyJzdWIi" * 4 + "." + WORD[:43],
    "hooks.slack.com/": ("services/", "T00000000/B00000000/" + WORD[:24]),
    "/api/webhooks/": ("123456789012345678/", WORD[:68]),
    "curl ": ("-u ada:", WORD[:12]),
    "mysql": ("dump -p", WORD[:12]),
    "mariadb": (" -u ada -p", WORD[:12]),
    "sshpass ": ("-p ", WORD[:12]),
    "redis-cli ": ("-a ", WORD[:12]),
    "earer ": ("", WORD[:20]),
    "EARER ": ("", WORD[:20]),
    "asic ": ("", "YWRhOmh1bnRlcjI="),
    "ASIC ": ("", "YWRhOmh1bnRlcjI="),
}
#: Those that begin in the middle of a word.
WORDS = {
    "earer ": "Bearer ",
    "EARER ": "BEARER ",
    "asic ": "Basic ",
    "ASIC ": "BASIC ",
    "et-Cookie: ": "Set-Cookie: ",
    "et-cookie: ": "set-cookie: ",
}


@pytest.mark.parametrize("begins", EXAMPLES)
def test_the_secret_and_nothing_else_is_replaced(begins: str) -> None:
    follows = EXAMPLES[begins]
    kept, secret = ("", follows) if isinstance(follows, str) else follows
    start = WORDS.get(begins, begins)
    shown = f"{start}{kept}" if isinstance(follows, tuple) else ""
    text = f"before {start}{kept}{secret} after"
    assert redact(text) == f"before {shown}[redacted] after"


@pytest.mark.parametrize("kind", ["live", "test"])
@pytest.mark.parametrize("owner", "rsp")
def test_the_keys_of_stripe_are_secrets_in_tests_also(owner: str, kind: str) -> None:
    assert redact(f"{owner}k_{kind}_{WORD[:24]}") == "[redacted]"


@pytest.mark.parametrize("kind", ["", "RSA ", "OPENSSH ", "PGP "])
def test_a_private_key_is_a_secret_with_its_last_line_and_without_it(kind: str) -> None:
    block = " BLOCK" if kind == "PGP " else ""
    first, last = (f"{DASHES}{word} {kind}PRIVATE KEY{block}{DASHES}" for word in ("BEGIN", "END"))
    assert redact(f"a\n{first}\n{BODY}{last}\nb") == "a\n[redacted]\nb"
    assert redact(f"a\n{first}\n{BODY}") == "a\n[redacted]\n"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgres://ada:hunter2@db/x", "postgres://ada:[redacted]@db/x"),
        (f"https://{WORD[:24]}@example.com/x", "https://[redacted]@example.com/x"),
        ("https://ada@example.com/x", "https://ada@example.com/x"),
    ],
)
def test_an_address_loses_its_password_and_keeps_its_user(address: str, shown: str) -> None:
    assert redact(address) == shown


#: What the tests here show in other texts.
OTHERS = {
    *("://", "PRIVATE KEY", "k_live_", "k_test_", "-us", "sig=", "Private-Lines: "),
    *("assword>", "ecret>", "oken>", "piKey>"),
}


def test_no_format_is_without_an_example() -> None:
    known = {literal for literals, _ in FORMATS for literal in literals}
    assert known - OTHERS == set(EXAMPLES)


def test_a_secret_is_replaced_where_its_text_goes_on() -> None:
    assert redact("<db:password>hunter2x</db:password>") == "<db:password>[redacted]</db:password>"
    assert redact(f"is {HEX[:32]}-us12.") == "is [redacted]."
    assert redact(f"https://x.example/c?a=1&sig={WORD[:43]}") == (
        "https://x.example/c?a=1&sig=[redacted]"
    )
    putty = f"Private-Lines: 2\n{WORD[:64]}\n{WORD[:64]}\nPrivate-MAC: {HEX[:40]}"
    assert redact(putty).startswith("Private-Lines: 2\n[redacted]")
    assert WORD[:20] not in redact(putty)
