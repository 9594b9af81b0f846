"""Pins every dependency with hashes, for all supported Pythons at once, without naming where they come from."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {"requirements.lock": ["demo"], "requirements-dev.lock": ["demo", "test", "check"]}


def main() -> None:
    for name, extras in FILES.items():
        flags = [flag for extra in extras for flag in ("--extra", extra)]
        constraint = ["--constraint", "requirements.lock"] if name != "requirements.lock" else []
        command = [
            sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *flags, *constraint, "--universal",
            "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header",
            "--no-annotate", "--quiet", "--output-file", name,
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True)
        text = (ROOT / name).read_text()
        # The project itself is installed from the checkout.
        text = re.sub(r"^(-e )?\.?/?regulars.*\n(    --hash.*\n)*", "", text, flags=re.MULTILINE)
        (ROOT / name).write_text(text)


if __name__ == "__main__":
    main()
