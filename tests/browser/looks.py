"""What a test looks at on the page: its views, the table of trials, and figures."""

import struct
import xml.etree.ElementTree as ElementTree

from browser import wait


def quiet(b, step):
    complaints = b.complaints()
    assert not complaints, f"{step}: {complaints}"
    print(f"ok: {step}", flush=True)


def go(b, view):
    """To a view, by the page's navigation."""
    b.click(f"nav a[data-view='{view}']")
    at(b, view)


def at(b, view):
    wait(lambda: b.all(f".view[data-view='{view}']"), f"the view {view}")


def heading(b):
    return b.texts(".view-head h2")[0]


def views(b):
    """The views that there is anything in."""
    return b.script("return [...document.querySelectorAll('nav li:not([hidden]) a')].map((a) => a.dataset.view)")


def ended(b):
    """How many trials have ended, as every view says."""
    return int(b.script("return document.querySelector('.strip [role=progressbar]')?.ariaValueNow ?? 0"))


def rows(b):
    """How many trials the table has."""
    return int(b.script("return document.querySelector('table.trials')?.dataset.rows ?? 0"))


def column(b, name):
    return b.texts(f"table.trials td[data-column='{name}'], table.trials th[data-column='{name}']")


def reveal(b, figure):
    b.script("document.querySelector(arguments[0]).scrollIntoView({ block: 'center', behavior: 'instant' })", figure)
    b.find(f"{figure} canvas")


def named(b):
    """The names of all figures of the open view."""
    return b.script("return Array.from(document.querySelectorAll('[data-figure]')).map((figure) => figure.dataset.figure)")


def each_figure(b, wanted, act=None):
    """Draws the figures of all views, and maybe does something with each. Some must be there."""
    seen = set()
    for view in views(b):
        if view in ("trials", "overview"):
            continue
        go(b, view)
        for name in named(b):
            (act or draw)(b, name)
            seen.add(name)
    assert wanted <= seen, wanted - seen


def fits_a_phone(b):
    """Nothing is wider than a phone in any view, with all figures drawn."""
    b.size(360, 740)
    for view in views(b):
        go(b, view)
        for name in named(b):
            draw(b, name)
        width = b.script("return document.documentElement.scrollWidth")
        assert width <= 360, (view, width)
    b.size(1280, 900)


def draw(b, name):
    figure = f"[data-figure='{name}']"
    reveal(b, figure)
    wait(lambda: colours_of(b, f"{figure} canvas") > 3, f"{name} to be drawn")


def colours_of(b, selector):
    """How many colours a picture has: a blank one has one."""
    return b.script(
        """
        const canvas = document.querySelector(arguments[0]);
        if (canvas.width * canvas.height === 0) return 0; // not laid out yet
        // In a copy: the browser complains of reading from a canvas that is meant for drawing.
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set(new Uint32Array(data.buffer));
        return seen.size;
        """,
        selector,
    )


def save(b, name):
    """Both are of the right kind, with something in them."""
    figure = f"[data-figure='{name}']"
    draw(b, name)
    b.click(f"{figure} [data-save='svg']")
    file, content = b.downloaded(".svg")
    root = ElementTree.fromstring(content)
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and len(list(root.iter())) > 20, file
    assert file.endswith(f"-{name}.svg"), file
    assert name != "values" or "Value over trials" in "".join(root.itertext())
    b.click(f"{figure} [data-save='png']")
    file, content = b.downloaded(".png")
    assert file.endswith(f"-{name}.png") and content[:8] == b"\x89PNG\r\n\x1a\n", file
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 600 and height >= 200 and len(content) > 5000, (file, width, height, len(content))
