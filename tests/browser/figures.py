"""Figures of a report, each as an SVG.

    python figures.py [--layers-by PARAMETER] REPORT.html DIR FIGURE …

A figure is called by what its file would be called: `values`, `slice-learning_rate`, … Without any, it lists them. Those of
layers compare the choices of a parameter.
"""

import argparse
import pathlib

from browser import browser


COMPARE = """
const select = document.querySelector('#layers select');
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
        b.find("table.trials tbody tr[data-trial]")
        if args.layers_by:
            b.script(COMPARE, args.layers_by)
        if not args.figures:
            print("\n".join(f.get_attribute("data-figure") for f in b.all("[data-figure]")))
        for figure in args.figures:
            here = f"[data-figure='{figure}']"
            b.script("document.querySelector(arguments[0]).scrollIntoView({ block: 'center', behavior: 'instant' })", here)
            b.find(f"{here} canvas")
            b.click(f"{here} [data-save='svg']")
            (args.folder / f"{figure}.svg").write_bytes(b.downloaded(".svg")[1])


if __name__ == "__main__":
    main()
