"""Makes the virtual environment from the lock files; needs nothing but Python and a C compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"demo": "requirements.lock", "dev": "requirements-dev.lock"}
PYTHONS = {(3, 11), (3, 12), (3, 13)}


def main(folder: Path, kind: str) -> None:
    """Install what `kind` ("demo" or "dev") needs into `folder` and leave a mark of that name in it."""
    if sys.version_info[:2] not in PYTHONS:
        sys.exit(
            f"Regulars runs on Python 3.11 to 3.13; this is {sys.version.split()[0]}. Try: make PYTHON=python3.12"
        )
    make_environment(folder)
    print(
        f"Installing what Regulars needs into {folder.name}/ (once; a few minutes the first time) ...",
        flush=True,
    )
    python = str(folder / "bin" / "python")
    # The lock is whole, so nothing is left to resolve; and pip, asked to, takes the newest release for a
    # dependency with an extra, whatever is pinned, and then misses its hash (pypa/pip, issue 9644).
    pip_install(python, "--require-hashes", "--no-deps", "-r", str(ROOT / LOCKS[kind]))
    pip_install(python, "--no-deps", "-e", str(ROOT))
    (folder / kind).touch()


def make_environment(folder: Path) -> None:
    """Make the environment, or finish one that was interrupted."""
    if (folder / "bin" / "pip").exists():
        return
    try:
        venv.create(folder, with_pip=True)
    except subprocess.CalledProcessError:
        sys.exit(
            "Python could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv"
        )


def pip_install(python: str, *arguments: str) -> None:
    # Without the first, LightFM built from source is tuned to this very processor and crashes on another.
    environment = os.environ | {"LIGHTFM_NO_CFLAGS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    # Errors only: where package folders are configured, pip may warn once for each package.
    command = [python, "-m", "pip", "install", "-qq", "--no-warn-script-location", *arguments]
    if subprocess.run(command, env=environment, check=False).returncode:
        sys.exit(
            "pip could not install everything (its words are above). On Python 3.11 LightFM is compiled, on 3.13 "
            "Redis: that needs a C compiler and Python's headers (on Debian and Ubuntu: apt install "
            "build-essential python3-dev)."
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2])
