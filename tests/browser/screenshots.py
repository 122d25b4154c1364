"""Small pictures of the page for people to look at, and for the docs."""

import base64
import pathlib
import time

SIZES = {"desktop": (1280, 900), "phone": (360, 740)}


def screenshots(b, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    b.script("document.activeElement.blur()")
    for size, (width, height) in SIZES.items():
        b.size(width, height)
        for scheme in ("light", "dark"):
            b.scheme(scheme)
            for part in ("overview", "parameters"):
                b.script("document.getElementById(arguments[0]).scrollIntoView({ behavior: 'instant' })", part)
                if part == "overview":
                    b.script("window.scrollTo({ top: 0, behavior: 'instant' })")
                # Figures draw once they are in sight.
                time.sleep(1.5)
                picture = b.command("Page.captureScreenshot", format="png")["data"]
                what = "page" if part == "overview" else f"page-{part}"
                (folder / f"{what}-{size}-{scheme}.png").write_bytes(base64.b64decode(picture))
    b.size(*SIZES["desktop"])
    b.scheme("light")
