"""What a Markdown page shows when it is rendered."""

from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

#: A text that would be a heading, a table, a list, a link, an image and HTML.
NASTY = (
    "## Done\n\n| a | b |\n| --- | --- |\n- [x](http://e.org) ![i](u) <b onclick=x> `c` **d** "
    "__e__ https://e.org | f\n# g\n===\n> h"
)


def tokens(page: str) -> list[Token]:
    """Return what a page consists of, those within a line, too."""
    found = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page)
    return [each for token in found for each in (token, *(token.children or ()))]


def headings(page: str) -> list[str]:
    """Return the headings of a page as they are shown."""
    found = tokens(page)
    pairs = pairwise(found)
    return [shown(inline) for opened, inline in pairs if opened.type == "heading_open"]


def shown(inline: Token) -> str:
    """Return a line as it is shown."""
    return "".join(each.content or " " for each in inline.children or ())


def foreign(page: str) -> set[str]:
    """Return the kinds of what no page of runr has: HTML, links, images, emphasis, quotes."""
    usual = {
        *("inline", "text", "text_special", "softbreak", "code_inline", "code_block"),
        *(f"{kind}_{end}" for end in ("open", "close") for kind in _USUAL),
    }
    return {each.type for each in tokens(page)} - usual


_USUAL = (
    *("heading", "paragraph", "bullet_list", "ordered_list", "list_item"),
    *("table", "thead", "tbody", "tr", "th", "td"),
)
