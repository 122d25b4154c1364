"""Figures of a report, each as an SVG.

    python figures.py REPORT.html DIR FIGURE …

A figure is called by what its file would be called: `values`, `slice-learning_rate`, … Without any, it lists them.
"""

import pathlib
import sys

from browser import browser


def main():
    report, folder, *figures = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as b:
        b.open(pathlib.Path(report).resolve().as_uri())
        b.find("table.trials tbody tr[data-trial]")
        if not figures:
            print("\n".join(f.get_attribute("data-figure") for f in b.all("[data-figure]")))
        for figure in figures:
            here = f"[data-figure='{figure}']"
            b.script("document.querySelector(arguments[0]).scrollIntoView({ block: 'center', behavior: 'instant' })", here)
            b.find(f"{here} canvas")
            b.click(f"{here} [data-save='svg']")
            (folder / f"{figure}.svg").write_bytes(b.downloaded(".svg")[1])


if __name__ == "__main__":
    main()
