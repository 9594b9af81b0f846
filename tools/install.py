"""Makes the virtual environment from the lock files; needs nothing but Python and a C compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"demo": ["requirements.lock"], "dev": ["requirements-dev.lock"]}


def main(folder: Path, kind: str) -> None:
    """Install what `kind` ("demo" or "dev") needs into `folder` and leave a mark of that name in it."""
    if sys.version_info[:2] not in {(3, 11), (3, 12), (3, 13)}:
        sys.exit(
            f"Regulars runs on Python 3.11 to 3.13; this is {sys.version.split()[0]}. Try: make PYTHON=python3.12"
        )
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    # Without this, LightFM built from source is tuned to this very processor and crashes on another.
    environment = os.environ | {"LIGHTFM_NO_CFLAGS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-warn-script-location"]
    print(
        f"Installing what Regulars needs into {folder.name}/ (once; a few minutes the first time) ...",
        flush=True,
    )
    for lock in LOCKS[kind]:
        subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / lock)], env=environment, check=True)
    subprocess.run([*pip, "--no-deps", "-e", str(ROOT)], env=environment, check=True)
    (folder / kind).touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2])
