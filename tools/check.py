"""Everything that is wrong without running the code: format, lint, types, import contracts, dead code, storefronts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

CHECKS: dict[str, list[str]] = {
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "lint": [str(BIN / "ruff"), "check", "--quiet", "--output-format", "concise", "."],
    "types": [str(BIN / "mypy")],
    "import contracts": [str(BIN / "lint-imports")],
    "dead code": [str(BIN / "vulture")],
    "built widget": ["bash", "storefront/widget/build.sh", "--check"],
    "theme extension": ["bash", "storefront/shopify/check.sh"],
}

# What they check is committed as built, so only those who change a storefront need Node; CI must have it.
NEED_NODE = {"built widget", "theme extension"}


def main() -> int:
    failed = [name for name in CHECKS if not passes(name)]
    print("\n" + (f"Not in order: {', '.join(failed)}." if failed else "Everything is in order."))
    return 1 if failed else 0


def passes(name: str) -> bool:
    if name in NEED_NODE and shutil.which("npm") is None:
        print(
            f"{name:<18} {'FAILED: Node is not here' if os.environ.get('CI') else 'skipped: Node is not here'}"
        )
        return not os.environ.get("CI")
    result = subprocess.run(CHECKS[name], cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"{name:<18} {'fine' if result.returncode == 0 else 'FAILED'}", flush=True)
    if result.returncode:
        print(result.stdout[-6000:] + result.stderr[-3000:])
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
