"""What axe-core says of a page: nothing serious in any view, on a phone and a desktop, dark and light. Needs `npm ci` in report/web."""

import pathlib

from browser import wait

CODE = pathlib.Path(__file__).parents[2] / "report" / "web" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = {"desktop": (1280, 900), "phone": (390, 780)}
GRAVE = {"serious", "critical"}

# Colours move for a moment after the scheme has changed; what moves is judged once it is still.
RUN = """
const done = arguments[arguments.length - 1];
Promise.all(document.getAnimations().map((a) => a.finished.catch(() => null)))
  .then(() => axe.run(document, { resultTypes: ["violations"] }))
  .then(({ violations }) => done(violations.map((v) => [v.impact, v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + " | " + n.any.map((a) => a.message).join("; "))])))
  .catch((error) => done([["critical", "error", String(error), []]]));
"""


def judge(b, name):
    """The page as it is now, in both sizes and both schemes."""
    found = []
    for size, (width, height) in SIZES.items():
        b.size(width, height)
        for scheme in ("light", "dark"):
            b.scheme(scheme)
            if not b.script("return 'axe' in window"):
                b.script(CODE.read_text())
            wait(lambda: b.script("return document.readyState") == "complete", "the page")
            said = b.driver.execute_async_script(RUN)
            found += [(name, size, scheme, *violation) for violation in said if violation[0] in GRAVE]
            wide = b.script("return document.documentElement.scrollWidth")
            if wide > width:
                found.append((name, size, scheme, "serious", "width", f"{wide} pixels wide", []))
    b.size(*SIZES["desktop"])
    b.scheme("light")
    assert not found, "\n".join(str(violation) for violation in found)
