"""Runs the code cells of a notebook in order, in this process. `python notebook.py FILE --write` keeps what they print."""
from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path


def run(path):
    """The namespace after the last cell, and by cell what it printed and showed."""
    notebook = json.loads(Path(path).read_text())
    names = {"__name__": "__main__"}
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = ast.parse("".join(cell["source"]), filename=f"{Path(path).name}[{len(shown)}]")
        last = source.body.pop() if source.body and isinstance(source.body[-1], ast.Expr) else None
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, "<cell>", "exec"), names)
            value = None if last is None else eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
        shown.append((printed.getvalue(), None if value is None else repr(value)))
    return names, shown


def kept(path):
    """The same as the notebook has it."""
    cells = [cell for cell in json.loads(Path(path).read_text())["cells"] if cell["cell_type"] == "code"]
    return [outputs_of(cell) for cell in cells]


def outputs_of(cell):
    printed, value = "", None
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            printed += "".join(output["text"])
        elif output["output_type"] == "execute_result":
            value = "".join(output["data"]["text/plain"])
    return printed, value


def write(path, shown):
    notebook = json.loads(Path(path).read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, (cell, (printed, value)) in enumerate(zip(cells, shown), 1):
        cell["execution_count"] = count
        cell["outputs"] = []
        if printed:
            lines = printed.splitlines(keepends=True)
            cell["outputs"].append({"name": "stdout", "output_type": "stream", "text": lines})
        if value is not None:
            result = {"data": {"text/plain": [value]}, "execution_count": count, "metadata": {}}
            cell["outputs"].append({"output_type": "execute_result", **result})
    Path(path).write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__" and "--write" in sys.argv:
    write(sys.argv[1], run(sys.argv[1])[1])
