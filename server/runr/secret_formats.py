"""The formats of secrets that are recognised by their look, as data. Pure."""

# Not in the table: what is recognised by the name of a setting or by the environment.


def _begins(literal: str) -> str:
    """Return a lookbehind that matches after `literal` at the beginning of a word.

    An escaped line break or the end of a colour code is not part of a word.
    """
    before = (f"(?<![A-Za-z0-9]{literal})", rf"(?<=\\[nrtbf]{literal})", rf"(?<=[0-9\[]m{literal})")
    return f"(?:{'|'.join(before)})"


#: What may be between a program and the option with its password: no other command, no quote
#: that ends a JSON string.
_ARGUMENTS = r'(?:[^\n|;&"\\]|\\.){0,400}?'

#: Literals, one of which must be in a text for the pattern to be tried, and the pattern. A pattern
#: begins with a literal, so that the search is fast; what precedes it is checked afterwards. A
#: group at its beginning is kept. The formats are those that their issuers document.
FORMATS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("ghp_", "gho_", "ghs_", "ghu_", "ghr_"), r"gh[oprsu]_[A-Za-z0-9_]{30,}"),
    (("github_pat_",), r"github_pat_[A-Za-z0-9_]{20,}"),
    (("glpat-", "glrt-", "gldt-", "glptt-"), r"gl(?:pat|rt|dt|ptt)-[\w-]{20,}"),
    (
        ("sk-",),
        rf"sk-{_begins('sk-')}(?:(?:ant|proj|svcacct|admin|or)-[\w-]{{16,}}|[A-Za-z0-9]{{20,}})",
    ),
    (("k_live_", "k_test_"), r"[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    (("AKIA", "ASIA"), r"A[KS]IA[A-Z0-9]{16}"),
    (("xox", "xapp-"), r"x(?:ox[a-z]|app)-[A-Za-z0-9-]{10,}"),
    (("AIza",), r"AIza[\w-]{35}"),
    (("ya29.",), r"ya29\.[\w-]{20,}"),
    (("npm_",), r"npm_[A-Za-z0-9]{36}"),
    (("pypi-",), r"pypi-A[\w-]{40,}"),
    (("rubygems_",), r"rubygems_[a-f0-9]{48}"),
    (("hf_",), r"hf_[A-Za-z0-9]{30,}"),
    (("gsk_",), r"gsk_[A-Za-z0-9]{40,}"),
    (("SG.",), r"SG\.[\w-]{16,32}\.[\w-]{16,64}"),
    (("xkeysib-",), r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    (("dop_v1_", "doo_v1_", "dor_v1_"), r"do[opr]_v1_[a-f0-9]{40,}"),
    (("shpat_", "shpca_", "shppa_", "shpss_"), r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    (("dckr_pat_",), r"dckr_pat_[\w-]{20,}"),
    (("hvs.",), r"hvs\.[\w-]{24,}"),
    (("lin_api_",), r"lin_api_[A-Za-z0-9]{32,}"),
    (("ATATT3",), r"ATATT3[\w=-]{40,}"),
    (("sntrys_", "sntryu_"), r"sntry[su]_[\w=+/]{40,}"),
    (("NRAK-",), r"NRAK-[A-Z0-9]{27}"),
    (("PMAK-",), r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    (("pscale_tkn_", "pscale_pw_"), r"pscale_(?:tkn|pw)_[\w.=-]{30,}"),
    (("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    (("SK",), rf"SK{_begins('SK')}[0-9a-f]{{32}}(?![0-9A-Za-z])"),
    (("key-",), rf"key-{_begins('key-')}[0-9a-f]{{32}}(?![0-9A-Za-z])"),
    ((":AA",), r"(:AA)[\w-]{33}(?![\w-])"),
    (("dp.",), rf"dp{_begins('dp')}\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{{40,}}"),
    (("dapi",), rf"dapi{_begins('dapi')}[a-f0-9]{{32}}"),
    (("xai-",), rf"xai-{_begins('xai-')}[A-Za-z0-9]{{70,}}"),
    (("r8_",), rf"r8_{_begins('r8_')}[A-Za-z0-9]{{37}}"),
    (("pplx-",), r"pplx-[A-Za-z0-9]{40,}"),
    (("sbp_",), rf"sbp_{_begins('sbp_')}[a-f0-9]{{40}}"),
    (("fo1_", "fm2_"), r"f[om][12]_[\w+/=-]{40,}"),
    (("whsec_",), r"whsec_[A-Za-z0-9+/=_-]{24,}"),
    (("GOCSPX-",), r"GOCSPX-[\w-]{24,}"),
    (("1//0",), rf"1//0{_begins('1//0')}[\w-]{{30,}}"),
    ((".atlasv1.",), r"(\.atlasv1\.)[\w=-]{50,}"),
    (("-us",), r"[0-9a-f]{32}-us\d{1,2}(?!\d)"),
    (("ntn_",), r"ntn_[A-Za-z0-9]{40,}"),
    (("secret_",), rf"secret_{_begins('secret_')}[A-Za-z0-9]{{43}}(?![A-Za-z0-9])"),
    (("figd_",), r"figd_[\w-]{36,}"),
    (("nfp_",), r"nfp_[A-Za-z0-9]{36,}"),
    (("glsa_", "glc_"), r"gl(?:sa|c)_[A-Za-z0-9_+/=]{32,}"),
    (("sq0atp-", "sq0csp-"), r"sq0(?:atp|csp)-[\w-]{22,}"),
    (("EAAA",), rf"EAAA{_begins('EAAA')}[\w-]{{60}}(?![\w-])"),
    (("api_org_",), r"api_org_[A-Za-z0-9]{34,}"),
    (("$apr1$", "$2a$", "$2b$", "$2y$", "$6$"), r"\$(?:apr1|2[aby]|6)\$[\w./$=]{20,}"),
    (("sig=",), r"((?:[?&;]|\\u0026)sig=)[\w%+/=-]{20,}"),
    (
        ("docker login ", "podman login "),
        rf"((?:docker|podman) login {_ARGUMENTS}(?<= )-p ?'?)[^\s'\"\\]+",
    ),
    (
        ("Private-Lines: ",),
        r"(Private-Lines: \d{1,3}(?:\s|\\+[nr])*)(?:[A-Za-z0-9+/=]{16,}(?:\s|\\+[nr])*)+",
    ),
    (
        ("assword>", "ecret>", "oken>", "piKey>"),
        r"(<(?:\w*[:-])?(?:\w*[Pp]assword|\w*[Ss]ecret|\w*[Tt]oken|\w*[Aa]piKey)>)(?=[^<]*</)[^<\s\"\\]{4,}",
    ),
    (("eyJ",), rf"eyJ{_begins('eyJ')}[\w-]{{8,}}\.[\w-]{{8,}}\.[\w-]*"),
    (("hooks.slack.com/",), r"(hooks\.slack\.com/services/)[\w/]{10,}"),
    (("/api/webhooks/",), r"(/api/webhooks/\d{5,}/)[\w-]{20,}"),
    (("://",), r"(://[^\s/:@\"'\\]*:)[^\s/@\"'\\]+(?=@)"),
    (("://",), r"(://)[\w-]{20,}(?=@)"),
    (("earer ", "EARER "), r"([Bb](?i:earer) +)(?=[\w.~+/-]*\d)[\w.~+/-]{16,}=*"),
    (("asic ", "ASIC "), r"([Bb](?i:asic) +)(?=[A-Za-z+/]*[\d=])[\w+/]{12,}=*"),
    (("auth",), r"(auth\\*\"\s{0,4}:\s{0,4}\\*\")[A-Za-z0-9+/]{16,}={0,2}"),
    (("machine ",), r"(machine \S{1,200} login \S{1,200} password )[^\s\"\\]+"),
    (("et-Cookie: ", "et-cookie: "), r"(et-[Cc]ookie: [\w.-]+=)[^;\s\"\\]{16,}"),
    (
        ("--token ", "--password ", "--passwd ", "--secret ", "--api-key ", "--access-token "),
        (
            r"(--(?:token|passw(?:or)?d|secret|api-key|access-token) '?)"
            r"(?=\S{0,80}\d)[^\s'\"\\<>-][^\s'\"\\]{5,}"
        ),
    ),
    (("curl ",), rf"(curl {_ARGUMENTS}(?:(?<= )-u|--user)[ =]?'?[^\s:'\"\\]+:)[^\s'\"\\]+"),
    (
        ("mysql", "mariadb"),
        rf"((?:mysql|mariadb)(?:dump|admin|-dump|-admin)? {_ARGUMENTS}(?<= )-p)[^\s'\"\\]+",
    ),
    (("sshpass ",), r"(sshpass -p ?'?)[^\s'\"\\]+"),
    (("redis-cli ",), rf"(redis-cli {_ARGUMENTS}(?<= )-a '?)[^\s'\"\\]+"),
    (
        ("PRIVATE KEY",),
        (
            r"-----BEGIN (?P<kind>[A-Z0-9 ]*)PRIVATE KEY(?: BLOCK)?-----"
            r'(?:[^"]{0,20000}?-----END (?P=kind)PRIVATE KEY(?: BLOCK)?-----'
            r"|(?:(?:\s|\\+[nr])*[A-Za-z0-9+/=]{16,})+)"
        ),
    ),
)
