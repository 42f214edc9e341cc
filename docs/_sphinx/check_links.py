"""Whether every link of a built site leads somewhere: pages, parts of pages, pictures, downloads.

    python docs/_sphinx/check_links.py out/site

What lies outside the site is not called: of such an address only the form is looked at. A page may not load anything
from outside either, so that it reads the same without a network.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

LOADED: Final = frozenset({"img", "script", "link", "source", "iframe"})
"""Elements whose address is fetched when the page is read."""

POINTERS: Final = frozenset({"canonical", "index", "next", "prev", "search", "author", "copyright"})
"""Relations of a `link` that fetch nothing."""


class _Page(HTMLParser):
    """The addresses that a page names, and the parts of it that can be named."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.parts: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.parts |= {told[name] for name in ("id", "name") if name in told}
        if tag == "link" and told.get("rel") in POINTERS:
            return
        self.links += [(tag, told[name]) for name in ("href", "src") if told.get(name)]


def broken_links(site: Path) -> list[str]:
    """A line for each link that leads nowhere: the page, the address, what is wrong."""
    pages = {path.resolve(): _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site.resolve())}: {link}: {problem}"
        for path, page in pages.items()
        for tag, link in page.links
        if (problem := _problem(path, tag, link, pages))
    ]


def _problem(path: Path, tag: str, link: str, pages: dict[Path, _Page]) -> str | None:
    address = urlsplit(link)
    if address.scheme == "data":
        return None
    if address.scheme or address.netloc:
        if tag in LOADED:
            return "a page may load nothing from outside"
        well_formed = (address.scheme == "https" and address.hostname) or (address.scheme == "mailto" and address.path)
        return None if well_formed else "no address of the web in its full form, with https"
    target = (path.parent / unquote(address.path)).resolve() if address.path else path
    if not target.exists():
        return "there is no such file"
    if address.fragment and target in pages and unquote(address.fragment) not in pages[target].parts:
        return "the page has no such part"
    return None


if __name__ == "__main__":
    broken = broken_links(Path(sys.argv[1]))
    sys.exit("\n".join(broken) or None)
