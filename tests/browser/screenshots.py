"""Small pictures of each view for people to look at, and for the docs."""

import base64
import pathlib
import time

from looks import go, views

SIZES = {"desktop": (1280, 900), "phone": (390, 780)}


def screenshots(b, folder):
    """The views of the study that is open."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in SIZES.items():
        b.size(width, height)
        for scheme in ("light", "dark"):
            b.scheme(scheme)
            for view in views(b):
                go(b, view)
                b.script("document.activeElement.blur()")
                # Figures draw once they are in sight.
                time.sleep(1.5)
                picture = b.command("Page.captureScreenshot", format="png")["data"]
                what = "page" if view == "overview" else f"page-{view}"
                (folder / f"{what}-{size}-{scheme}.png").write_bytes(base64.b64decode(picture))
    b.size(*SIZES["desktop"])
    b.scheme("light")
