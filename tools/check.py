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
    "woocommerce plugin": ["sh", "storefront/woocommerce/check.sh"],
}

# What they check is committed as it is served, so only those who change a storefront need these; CI must have them.
NEEDS = {
    "built widget": ("npm",),
    "theme extension": ("npm",),
    "woocommerce plugin": ("php", "phpcs", "npm"),
}


def main() -> int:
    failed = [name for name in CHECKS if not passes(name)]
    print("\n" + (f"Not in order: {', '.join(failed)}." if failed else "Everything is in order."))
    return 1 if failed else 0


def passes(name: str) -> bool:
    missing = [tool for tool in NEEDS.get(name, ()) if shutil.which(tool) is None]
    if missing:
        verdict = "FAILED" if os.environ.get("CI") else "skipped"
        print(f"{name:<18} {verdict}: {' and '.join(missing)} not here")
        return not os.environ.get("CI")
    result = subprocess.run(CHECKS[name], cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"{name:<18} {'fine' if result.returncode == 0 else 'FAILED'}", flush=True)
    if result.returncode:
        print(result.stdout[-6000:] + result.stderr[-3000:])
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
