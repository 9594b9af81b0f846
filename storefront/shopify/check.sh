#!/bin/sh
# Runs check.mjs; installs the pinned theme-check first where it is missing.
set -eu
cd "$(dirname "$0")"
if ! command -v node >/dev/null 2>&1; then
    echo "storefront/shopify/check.sh: Node 18 or newer is needed to check the theme extension; none was found." >&2
    exit 1
fi
if [ ! -d node_modules/@shopify/theme-check-node ]; then
    npm ci --silent --no-audit --no-fund --ignore-scripts
fi
exec node check.mjs
