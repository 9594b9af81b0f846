#!/bin/sh
# Runs check.mjs; installs the pinned tools first where they are missing.
set -eu
cd "$(dirname "$0")"
if ! command -v node >/dev/null 2>&1; then
    echo "storefront/shopify/check.sh: Node 18 or newer is needed to check the extensions; none was found." >&2
    exit 1
fi
if [ ! -d node_modules/@shopify/theme-check-node ] || [ ! -d node_modules/@shopify/web-pixels-extension ]; then
    npm ci --silent --no-audit --no-fund --ignore-scripts
fi
exec node check.mjs
