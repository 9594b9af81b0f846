"""Runs the benchmarks: every module of this folder that has a `main`, or those named on the command line.

Options behind a single name are that benchmark's own: `python -m benchmarks faults --orders 5000`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def found() -> dict[str, Callable[..., object]]:
    """Every benchmark by name; what they share has no `main`."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.name != "__main__")
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in names}
    return {name: module.main for name, module in modules.items() if hasattr(module, "main")}


def main(arguments: list[str]) -> int:
    known = found()
    n_names = next((n for n, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    wanted, options = arguments[:n_names], arguments[n_names:]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    takers = [name for name, benchmark in known.items() if inspect.signature(benchmark).parameters]
    if options and (len(wanted) != 1 or wanted[0] not in takers):
        print(
            f"{options[0]} belongs behind the one benchmark it is for: {', '.join(takers)}", file=sys.stderr
        )
        return 2
    for name in wanted or known:
        print(f"\n{name}", flush=True)
        known[name](*([options] if options else []))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
