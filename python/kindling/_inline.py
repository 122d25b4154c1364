"""A study within a notebook: the page of its report in a frame, which runs its own scripts and can do nothing else.

Jupyter and VS Code put this into their own page, whose scripts, cookies and address a page of ours must not touch. So
the frame has no origin (`sandbox` without `allow-same-origin`), and nothing is loaded from anywhere.
"""

import base64
import gzip
import html
import re
from urllib.parse import quote

# In bytes. Jupyter's server passes on 3 MB within 3 s (`iopub_data_rate_limit`) and drops an output above that.
MOST = 2_400_000
# In pixels of CSS.
LEAST_HEIGHT, MOST_HEIGHT = 120, 20_000

# What notebooks call their dark theme: JupyterLab and Notebook, VS Code, Colab. The page in the frame follows its
# `color-scheme`; elsewhere that of the system.
_THEMES = """
body[data-jp-theme-light="false"] .kindling-study iframe, body.vscode-dark .kindling-study iframe,
html[theme="dark"] .kindling-study iframe { color-scheme: dark; }
body[data-jp-theme-light="true"] .kindling-study iframe, body.vscode-light .kindling-study iframe,
html[theme="light"] .kindling-study iframe { color-scheme: light; }
"""
# The page is packed, since a notebook keeps it with each output. What is written in its place is the whole document.
_UNPACK = """
(async () => {
  const packed = Uint8Array.from(atob(document.getElementById("packed").textContent), (c) => c.charCodeAt(0));
  const page = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(page).text();
  document.open();
  document.write(text);
  document.close();
})();
"""
_HEAD = re.compile(r"<head>", re.IGNORECASE)


class TooLarge(Exception):
    """The page would not reach the browser."""

    def __init__(self, size: int) -> None:
        super().__init__(f"its page has {size / 1e6:.1f} MB here, and a notebook takes at most {MOST / 1e6:.1f}")


def address(view: str) -> str:
    """A view's address within the page: `trials/12` is at `#/trials/12`. See report/web/src/shell/addresses.ts."""
    view, slash, item = view.removeprefix("#/").partition("/")
    return f"#/{quote(view, safe='')}{slash}{quote(item, safe='')}"


def frame(page: str, title: str, view: str, height: int) -> str:
    """The frame with a report's page, opened at this view (empty: at its beginning)."""
    # In a frame without an address of its own, links would be resolved against the notebook's.
    head = '<base href="about:srcdoc">'
    if view:
        # Percent signs, letters and digits: nothing in it ends the text or the script.
        head += f'<script>location.hash = "{address(view)}";</script>'
    page = _HEAD.sub(lambda found: found[0] + head, page, count=1)
    packed = base64.b64encode(gzip.compress(page.encode(), mtime=0)).decode()
    inner = (
        '<!doctype html><meta charset="utf-8"><base href="about:srcdoc">'
        f'<script type="text/plain" id="packed">{packed}</script><script>{_UNPACK}</script>'
    )
    framed = (
        f'<style>{_THEMES}</style><iframe title="{html.escape(title)}" sandbox="allow-scripts allow-downloads" '
        f'style="width: 100%; height: {height}px; border: 0" srcdoc="{html.escape(inner)}"></iframe>'
    )
    if len(framed.encode()) > MOST:
        raise TooLarge(len(framed.encode()))
    return framed


def caption(text: str) -> str:
    """What stands beside the frame, and alone where notebooks are shown without their frames."""
    return f"<div>{html.escape(text)}</div>"


def box(*parts: str) -> str:
    return f'<div class="kindling-study">{"".join(parts)}</div>'


def table(head: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"


def note(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"
