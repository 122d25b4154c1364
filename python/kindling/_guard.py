"""Whether a script keeps what it does from those who import it: `if __name__ == "__main__":`."""

import ast
import sys
import types
from pathlib import Path


def is_guarded(script: types.ModuleType) -> bool:
    """Whether the line of the script that runs now would not run if the script were imported."""
    line = _line_that_runs(script)
    if line is None:
        # Nothing at the script's top level is on the stack: another thread, or a debugger's.
        return False
    try:
        tree = ast.parse(Path(str(script.__file__)).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    return any(
        isinstance(statement, ast.If) and _is_guard(statement.test) and _covers(statement.body, line)
        for statement in tree.body
    )


def _line_that_runs(script: types.ModuleType) -> int | None:
    frame: types.FrameType | None = sys._getframe()  # noqa: SLF001 - `inspect.stack` reads all files to do the same
    while frame is not None:
        if frame.f_globals is script.__dict__ and frame.f_code.co_name == "<module>":
            return frame.f_lineno
        frame = frame.f_back
    return None


def _is_guard(test: ast.expr) -> bool:
    """`__name__ == "__main__"`, perhaps with more beside it, or the other way round."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_is_guard(part) for part in test.values)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = [test.left, *test.comparators]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    texts = [side.value for side in sides if isinstance(side, ast.Constant)]
    return names == ["__name__"] and texts == ["__main__"]


def _covers(body: list[ast.stmt], line: int) -> bool:
    return body[0].lineno <= line <= (body[-1].end_lineno or body[-1].lineno)
