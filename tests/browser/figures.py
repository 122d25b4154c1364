"""Figures of a report, each as an SVG.

    python figures.py [--layers-by PARAMETER] REPORT.html DIR FIGURE …

A figure is called by what its file would be called: `values`, `slice-learning_rate`, … Without any, it lists them. Those of
layers compare the choices of a parameter.
"""

import argparse
import pathlib

from browser import browser
from looks import draw, go, named, views


COMPARE = """
const select = document.querySelector('.view[data-view=layers] select');
select.value = arguments[0];
select.dispatchEvent(new Event('change'));
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("figures", nargs="*")
    parser.add_argument("--layers-by", metavar="PARAMETER")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with browser() as b:
        b.open(args.report.resolve().as_uri())
        b.find(".cards")
        for view in views(b):
            go(b, view)
            if view == "layers" and args.layers_by:
                b.script(COMPARE, args.layers_by)
            there = named(b)
            if not args.figures:
                print("\n".join(there))
            for figure in set(there) & set(args.figures):
                draw(b, figure)
                b.click(f"[data-figure='{figure}'] [data-save='svg']")
                (args.folder / f"{figure}.svg").write_bytes(b.downloaded(".svg")[1])


if __name__ == "__main__":
    main()
