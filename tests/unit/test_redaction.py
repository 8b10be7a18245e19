import base64
import binascii
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runr.redaction import REDACTED, CleanLines, Redactor, redact

# Written in two parts, so that no scanner takes this file for a leak.
TOKENS = {
    "github classic": "ghp_" + "a1B2" * 9,
    "github server": "ghs_" + "a1B2" * 9,
    "github oauth": "gho_" + "a1B2" * 9,
    "github user": "ghu_" + "a1B2" * 9,
    "github fine-grained": "github_pat_" + "11ABCDE_" * 9,
    "gitlab": "glpat-" + "x1y2z3w4v5" * 2,
    "openai": "sk-" + "Ab1" * 16,
    "openai project": "sk-proj-" + "Ab1_-" * 12,
    "anthropic": "sk-ant-api03-" + "Ab1_-" * 12,
    "aws key id": "AKIA" + "IOSFODNN7EXAMPLE",
    "slack": "xoxb-" + "123456789012-abcdefGHIJKL",
    "google": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "npm": "npm_" + "a1B2c3D4e5F6" * 3,
    "pypi": "pypi-AgEIcHlwaS5vcmc" + "Ab1_-" * 12,
    "stripe": "sk_live_" + "a1B2c3D4" * 3,
    "sendgrid": "SG." + "aB3dE5gH7jK9mN1pQ3sT5v." + "wX7yZ9aB1cD3eF5gH7iJ9kL1mN3oP5qR7sT9uV1wX3y",
    "digitalocean": "dop_v1_" + "0a1b2c3d" * 8,
    "age": "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0" * 3 + "S3JN54KHCE",
    "shopify": "shpat_" + "0a1B2c3D" * 4,
    "docker": "dckr_pat_" + "a1B2c3D4_" * 3,
    "vault": "hvs." + "CAESIJ1b2c3d4" * 3,
    "groq": "gsk_" + "a1B2c3D4e5" * 5,
    "new relic": "NRAK-" + "ABC123DEF" * 3,
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIi" * 4 + ".dozjgNryP4J3jVmNHl0",
}
KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7\n" * 3
    + "-----END RSA PRIVATE KEY-----"
)


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize(
    "around", ["{}", "remote: {} .", "a\n{}\nb", '"{}"', "`{}`", "({})", "\x1b[32m{}\x1b[0m"]
)
def test_a_known_token_is_redacted_at_any_position(token: str, around: str) -> None:
    text = around.format(token)
    assert redact(text) == around.format("[redacted]")
    line = json.dumps({"text": text})
    assert json.loads(redact(line)) == {"text": around.format("[redacted]")}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("NAME_TOKEN=x", "NAME_TOKEN=[redacted]"),
        ("export GITHUB_TOKEN=abc123 && run", "export GITHUB_TOKEN=[redacted] && run"),
        ('API_KEY: "x"', 'API_KEY: "[redacted]"'),
        ("PASSWORD=hunter2", "PASSWORD=[redacted]"),
        ("GITHUB_TOKEN_A=hunter2", "GITHUB_TOKEN_A=[redacted]"),
        ("TOKEN=x", "TOKEN=[redacted]"),
        ("password: 12345678", "password: [redacted]"),
        ("'password': hunter2", "'password': [redacted]"),
        ("all tokens and the password: hunter2", "all tokens and the password: [redacted]"),
        ("password: hunter2", "password: [redacted]"),
        ("POSTGRES_PASSWORD: example", "POSTGRES_PASSWORD: [redacted]"),
        ("db_password = 'it is a secret'", "db_password = '[redacted]'"),
        ('const apiKey: string = "abc"', 'const apiKey: string = "[redacted]"'),
        ('accessToken: "abc",', 'accessToken: "[redacted]",'),
        ('{"password": "pa\\"ss"}', '{"password": "[redacted]"}'),
        ('{"client_secret":"abc","n":1}', '{"client_secret":"[redacted]","n":1}'),
        (
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = [redacted]",
        ),
        ("os.environ['API_KEY'] = 'abc'", "os.environ['API_KEY'] = '[redacted]'"),
        ("Authorization: Bearer abcdef", "Authorization: Bearer [redacted]"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic [redacted]"),
        ('"Authorization": "token abc"', '"Authorization": "[redacted]"'),
        ("sent Bearer abcdef0123456789abcdef", "sent Bearer [redacted]"),
        ("x-api-key: 0123456789abcdef", "x-api-key: [redacted]"),
        ("//registry.npmjs.org/:_authToken=abc1234", "//registry.npmjs.org/:_authToken=[redacted]"),
        ("https://me:pa55@example.com/x", "https://me:[redacted]@example.com/x"),
        ("postgres://app:s3cr%40t@db:5432/app", "postgres://app:[redacted]@db:5432/app"),
        ("redis://:hunter2@cache:6379", "redis://:[redacted]@cache:6379"),
        (KEY, "[redacted]"),
        (f"before\n{KEY}\nafter", "before\n[redacted]\nafter"),
    ],
)
def test_a_secret_setting_keeps_its_name_and_loses_its_value(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean
    assert json.loads(redact(json.dumps({"text": text}))) == {"text": clean}
    assert json.loads(json.loads(redact(json.dumps(json.dumps(text))))) == clean


@pytest.mark.parametrize(
    "text",
    [
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "6a4fb334-5b2c-4f0e-9a51-2d0f5f2f6f11",
        "run 20250108-143022-k7qf of task-20250108143022-setup",
        "token count: 5",
        "token: 12345678",
        "TOKEN: x",
        "max_tokens: 4096",
        "MAX_TOKENS=4096",
        '{"input_tokens":100,"cache_read_input_tokens": 5}',
        '"maxOutputTokens": 128000',
        "The token is read from the header, then the password is checked.",
        "password: str",
        "def login(user: str, password: str) -> Token:",
        "token = get_token(request)",
        "self.token = token",
        'if token == "":',
        "TOKENIZERS_PARALLELISM=false",
        'curl -H "Authorization: Bearer $TOKEN" https://example.com',
        "GITHUB_TOKEN=${{ secrets.GITHUB_TOKEN }}",
        'password = ""',
        'password = "$DB_PASSWORD"',
        "PASSWORD_FILE=/run/secrets/db",
        '"token_type": "bearer"',
        '"apiKeySource": "none"',
        "basic functionality and bearer authentication",
        "authorization: the caller must be an owner",
        "PWD=/home/ada/project",
        "https://example.com:8080/a@b",
        "git@github.com:ada/project.git",
        "npm_config_registry_of_the_whole_organisation_here=1",
        "the secretary: Bob",
        "the secretary: bob1234!",
        "risk-assessment-of-the-monolith",
        "",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text
    line = json.dumps({"text": text, "n": 1})
    assert redact(line) == line


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("curl -s -u admin:S3cr3t https://x", "curl -s -u admin:[redacted] https://x"),
        ("curl --user 'admin:S3cr3t' https://x", "curl --user 'admin:[redacted]' https://x"),
        ("mysql -u root -pS3cr3t db", "mysql -u root -p[redacted] db"),
        ("sshpass -p S3cr3t ssh host", "sshpass -p [redacted] ssh host"),
        ("redis-cli -h x -a S3cr3t ping", "redis-cli -h x -a [redacted] ping"),
        (
            "https://discord.com/api/webhooks/123456789012/aBcDeF1234aBcDeF1234x",
            "https://discord.com/api/webhooks/123456789012/[redacted]",
        ),
    ],
)
def test_a_password_on_a_command_line_or_in_an_address_is_redacted(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert json.loads(redact(json.dumps({"text": text}))) == {"text": clean}


@pytest.mark.parametrize(
    "text",
    [
        *("git push -u origin:main", "mysql -p", "curl -o a:b https://x", "mkdir -pv a", "SG.a.b"),
        *("publish --token <token>", "tool --password file.txt", "TASK0123456789abcdef", "r8_x"),
    ],
)
def test_options_and_names_that_only_look_alike_stay(text: str) -> None:
    assert redact(text) == text


def test_a_secret_that_colours_divide_is_redacted_with_the_colours() -> None:
    divided = "got ghp_\x1b[0m" + "Zy9" * 12 + "\x1b[31m!"
    assert redact(divided) == "got [redacted]!"
    assert json.loads(redact(json.dumps({"text": divided}))) == {"text": "got [redacted]!"}
    assert redact("\x1b[32mfine\x1b[0m") == "\x1b[32mfine\x1b[0m"


@given(
    secret=st.text("aZ0 /+&%-_~é日", min_size=7, max_size=40).map("x{}".format),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
)
@example("p@ss/w0rd-ZZ9", b"user:", b"")
def test_a_secret_of_the_environment_is_redacted_in_the_usual_encodings(
    secret: str, before: bytes, after: bytes
) -> None:
    redactor = Redactor({"A_TOKEN": secret})
    raw = secret.encode()
    whole = before + raw + after
    for written in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
        shown = redactor(written.decode())
        assert "[redacted]" in shown
        assert after or shown.endswith("[redacted]")
    shown = redactor(base64.b32encode(whole).decode())
    assert "[redacted]" in shown
    assert after or shown.endswith("[redacted]")
    forms = (raw.hex(), raw.hex().upper(), raw.hex(":"), quote(secret), quote(secret, safe=""))
    for text in (*forms, quote_plus(secret)):
        assert redactor(f"({text})") == "([redacted])"
    assert redactor(f"({secret[:4]}\x1b[31m{secret[4:]})") == "([redacted])"


@pytest.mark.parametrize("after", [b"", b"C" * 9])
@pytest.mark.parametrize("offset", range(3))
def test_what_is_encoded_before_a_secret_stays(offset: int, after: bytes) -> None:
    redactor = Redactor({"A_TOKEN": "correct-horse"})
    whole = base64.b64encode(b"A" * 3 + b"b" * offset + b"correct-horse" + after).decode()
    head, tail = redactor(whole).split("[redacted]")
    assert bool(tail) == bool(after)
    # Four letters are three bytes, and one letter may be of both.
    assert head == whole[: 4 + -(-offset * 4 // 3)]


ENCODED: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "base64": (base64.b64encode, 6),
    "base32": (base64.b32encode, 5),
    "hexadecimal": (binascii.hexlify, 4),
}


@pytest.mark.parametrize("how", ENCODED)
@pytest.mark.parametrize("width", [20, 61, 76])
def test_an_encoded_secret_that_is_wrapped_over_lines_is_redacted_in_all_of_them(
    how: str, width: int
) -> None:
    encode, bits = ENCODED[how]
    value = b"correct-horse-battery-staple"
    redactor = Redactor({"A_TOKEN": value.decode()})
    for before in range(60):
        whole = encode(b"b" * before + value + b"C" * 80).decode()
        first, last = -(-before * 8 // bits), (before + len(value)) * 8 // bits
        lines = [whole[at : at + width] for at in range(0, len(whole), width)]
        clean = CleanLines(redactor)
        in_json = json.loads(redactor(json.dumps({"text": "\r\n".join(lines)})))["text"]
        for shown in (*map("".join, [map(clean, lines)]), redactor("\n".join(lines)), in_json):
            left = re.sub(r"\[redacted\]|\s", "", shown)
            assert left.startswith(whole[:first])
            # One letter may be of the value and of what follows it.
            assert left.endswith(whole[last + 1 :])
            # A few letters at the end of a line may be anything.
            assert len(left) <= len(whole) - (last - first) + 5


def test_a_key_of_many_lines_is_redacted_to_its_end_and_no_further() -> None:
    clean = CleanLines(redact)
    begin, *body, end = KEY.splitlines()
    assert [clean(line) for line in (begin, *body, end)][1:] == [REDACTED] * (len(body) + 1)
    assert clean("and then") == "and then"
    assert [clean("-----BEGIN CERTIFICATE-----"), clean("MIIE"), clean("a PRIVATE KEY")] == [
        "-----BEGIN CERTIFICATE-----",
        "MIIE",
        "a PRIVATE KEY",
    ]
    assert clean("MIIE") == "MIIE"


def test_a_key_without_an_end_hides_no_more_than_a_key_can_have() -> None:
    clean = CleanLines(redact)
    clean("-----BEGIN RSA PRIVATE KEY-----")
    assert [clean("x") for _ in range(201)] == [REDACTED] * 200 + ["x"]


def test_secret_values_of_the_environment_are_redacted_everywhere() -> None:
    redactor = Redactor(
        {
            "SERVICE_TOKEN": "plain-words-here",
            "DB_PASSWORD": 'q"uote\\d-value',
            "STRIPE_KEY": "12345678",
            "SHORT_TOKEN": "abc",
            "MAX_TOKENS": "10000000",
            "TOKEN_FILE": "/run/secrets/token",
            "HOME": "/home/ada-example",
            "SIGNING_KEY": KEY,
        }
    )
    assert redactor("it said plain-words-here!") == "it said [redacted]!"
    assert redactor('got q"uote\\d-value') == "got [redacted]"
    nested = json.dumps({"text": json.dumps({"v": 'q"uote\\d-value'})})
    assert json.loads(json.loads(redactor(nested))["text"]) == {"v": "[redacted]"}
    assert redactor("pin 12345678") == "pin [redacted]"
    assert json.loads(redactor('{"n":12345678,"m":1.123456789}')) == {"n": 0, "m": 1.123456789}
    assert redactor(KEY.splitlines()[1]) == "[redacted]"
    untouched = "abc 10000000 /run/secrets/token /home/ada-example"
    assert redactor(untouched) == untouched


def test_a_secret_that_holds_another_one_is_redacted_whole() -> None:
    redactor = Redactor({f"T{n}_TOKEN": "abcdefgh" + "-ij" * n for n in range(9)})
    whole = "abcdefgh" + "-ij" * 8
    assert redactor(f"got {whole}!") == "got [redacted]!"
    assert redactor(f'{{"got": "{whole}"}}') == '{"got": "[redacted]"}'


@pytest.mark.parametrize("plain", [True, False])
def test_a_secret_in_any_script_is_redacted_however_json_escapes_it(*, plain: bool) -> None:
    redactor = Redactor({"A_PASSWORD": "schlüssel-日本"})
    line = json.dumps({"text": "it is schlüssel-日本."}, ensure_ascii=plain)
    assert json.loads(redactor(line)) == {"text": "it is [redacted]."}
    nested = json.dumps(line)
    assert json.loads(json.loads(redactor(nested))) == {"text": "it is [redacted]."}


_PIECES = st.sampled_from(
    [
        *TOKENS.values(),
        *('PASSWORD="a b"', "token: 'x\\'y'", "API_KEY=a\\b", 'secret:"', "password:", "TOKEN="),
        *("https://u:p@h/", KEY, "Bearer ", "12345678", '"', "'", "\\", "\n", ",", "{", "}", ":"),
    ]
)
_TEXT = st.lists(st.one_of(_PIECES, st.text(max_size=5)), max_size=8).map("".join)
_JSON = st.recursive(
    st.one_of(_TEXT, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(_TEXT, st.sampled_from(["password", "api_key", "token"])), inner, max_size=4
        ),
        inner.map(json.dumps),
    ),
    max_leaves=12,
)


@given(document=_JSON, plain=st.booleans())
def test_a_json_document_stays_valid(document: object, *, plain: bool) -> None:
    redactor = Redactor({"A_TOKEN": "12345678", "B_SECRET": 'a"b\\c"d\\', "C_KEY": "abcdefgh"})
    line = json.dumps({"it": document}, ensure_ascii=plain)
    assert set(json.loads(redactor(line))) == {"it"}


@pytest.mark.timeout(60)  # linear work takes a fraction of a second, anything worse takes minutes
@pytest.mark.parametrize("size", [50_000, pytest.param(200_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("piece", ["PASSWORD=\"'", "sk-", "://a:", "eyJ", 'token=\\"', KEY[:40]])
def test_a_very_long_text_is_redacted(piece: str, size: int) -> None:
    text = piece * (size // len(piece))
    assert redact(text).startswith(piece[:3])


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("GH_PAT", "pat-value-1234567", "pat-value-1234567"),
        ("MY_AUTH", "auth-value-5544", "auth-value-5544"),
        ("ENCRYPTION_SALT", "salt-value-6677", "salt-value-6677"),
        ("SLACK_WEBHOOK_URL", "https://hooks.example/abcdef", "https://hooks.example/abcdef"),
        ("DATABASE_URL", "postgres://ada:in-url-99x@db/x", "in-url-99x"),
        ("DATABASE_URL", "postgres://ada:in%2Furl-99x@db/x", "in/url-99x"),
        ("MY_TOKEN", "va/lue+x=77", r"va\/lue+x=77"),
        ("MY_TOKEN", "va lue&x=77", r"va\ lue\&x=77"),
        ("MY_TOKEN", "va/lue+x=77", r"va/lue\+x\=77"),
    ],
)
def test_what_a_variable_holds_is_redacted(name: str, value: str, text: str) -> None:
    assert Redactor({name: value})(f"a {text} b") == "a [redacted] b"


@pytest.mark.parametrize("name", ["TOKEN_FILE", "DATABASE_URL", "API_KEY_ID", "HOME", "FORMAT"])
def test_what_is_only_about_a_secret_is_kept(name: str) -> None:
    assert Redactor({name: "/run/secrets/x"})("a /run/secrets/x b") == "a /run/secrets/x b"


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "postgres://postgres:postgres@db/x"), ("MONGO_AUTH", "required")],
)
def test_a_common_word_in_a_variable_is_kept(name: str, value: str) -> None:
    text = "starting postgres, a client is required"
    assert Redactor({name: value})(text) == text


@pytest.mark.parametrize("part", ["password=", "token:", "AccountKey=", "x=password="])
def test_a_line_that_only_names_secrets_ends(part: str) -> None:
    """With time that grows by the square of the length, this would take minutes."""
    assert redact(part * 20_000)


def test_a_long_value_is_redacted_as_a_whole() -> None:
    assert redact(f"password={'a1' * 1000} b") == "password=[redacted] b"
