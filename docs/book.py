#!/usr/bin/env python3
"""Checks the links of the repository's pages, and makes the book of those in docs/SUMMARY.md.

    python3 docs/book.py check          # every relative link and #anchor leads somewhere
    python3 docs/book.py build OUT      # OUT/index.html; needs mdbook

Pages link to each other by relative paths, so that the links work wherever the repository is browsed. The book keeps the
repository's layout, with what its pages link to, so that the same links work there.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUMMARY = ROOT / "docs/SUMMARY.md"
PAGES = ["*.md", "docs/**/*.md", "examples/**/*.md", "python/**/*.md", "studies/**/*.md", "deploy/**/*.md", "tests/**/*.md"]
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")


def pages():
    """All that are checked."""
    return sorted({path for pattern in PAGES for path in ROOT.glob(pattern)})


def lines(page):
    """The lines outside of code blocks, by number, without what is code within them."""
    fence = None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        mark = re.match(r" *(`{3,}|~{3,})", line)
        if mark and fence is None:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = None
        elif fence is None:
            yield number, line


def links(page):
    """Relative links of a page: line, file (None if there is none), anchor."""
    for number, line in lines(page):
        for match in LINK.finditer(re.sub(r"`[^`]*\]\([^`]*`", "", line)):
            url = urllib.parse.urlsplit(match[1])
            if url.scheme or url.netloc:
                continue
            path = (page.parent / urllib.parse.unquote(url.path)).resolve() if url.path else page
            yield number, path, url.fragment


def anchors(page):
    """The anchors of its headings, as GitHub and mdBook make them."""
    found = set()
    for _, line in lines(page):
        heading = re.match(r"#{1,6} +(.*?)[ #]*$", line)
        if not heading:
            continue
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading[1])
        base = "".join("-" if c.isspace() else c for c in text.lower() if c.isalnum() or c.isspace() or c in "_-")
        name, again = base, 0
        while name in found:
            again += 1
            name = f"{base}-{again}"
        found.add(name)
    return found


def check():
    """What is wrong, a line each."""
    chapters = {path for _, path, _ in links(SUMMARY)}
    for page in pages():
        for number, path, anchor in links(page):
            at = f"{page.relative_to(ROOT)}:{number}"
            shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            if not path.exists():
                yield f"{at}: there is no {shown}"
            elif not path.is_relative_to(ROOT):
                yield f"{at}: {shown} is outside of the repository"
            elif anchor and (path.suffix != ".md" or anchor not in anchors(path)):
                yield f"{at}: {shown} has no #{anchor}"
            elif page in chapters and path.suffix == ".md" and path not in chapters:
                yield f"{at}: {shown} is not in docs/SUMMARY.md, so the book lacks it"
            elif page in chapters and path.is_dir():
                yield f"{at}: {shown} is a folder, which a book cannot show; name a file in it"
    for page in sorted(ROOT.glob("docs/**/*.md")):
        if page not in chapters | {SUMMARY}:
            yield f"{page.relative_to(ROOT)}: is not in docs/SUMMARY.md"


def build(out):
    """Lays the pages out as in the repository, and lets mdBook make the book."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "src"
        chapters = [path for _, path, _ in links(SUMMARY)]
        linked = {path for page in chapters for _, path, _ in links(page)}
        for path in {*chapters, *linked}:
            copy = source / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        contents = SUMMARY.read_text().replace("](", "](docs/").replace("](docs/../", "](")
        (source / "SUMMARY.md").write_text(contents)
        shutil.copyfile(ROOT / "docs/book.toml", pathlib.Path(folder) / "book.toml")
        subprocess.run(["mdbook", "build", folder, "--dest-dir", str(out.resolve())], check=True)


def main(arguments):
    match arguments:
        case ["check"]:
            faults = list(check())
            print("\n".join(faults) or f"{len(pages())} pages: every link leads somewhere", flush=True)
            return 1 if faults else 0
        case ["build", out]:
            build(pathlib.Path(out))
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
