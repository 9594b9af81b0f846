#!/bin/sh
# Builds static/widget from the sources; --check only says whether the committed build is what they give.
set -eu
cd "$(dirname "$0")"
if ! command -v node >/dev/null 2>&1; then
    echo "storefront/widget/build.sh: Node 18 or newer is needed to build the widget; none was found." >&2
    exit 1
fi
if [ ! -d node_modules/esbuild ] || [ ! -d node_modules/terser ]; then
    npm ci --silent --no-audit --no-fund --ignore-scripts
fi
exec node build.mjs "$@"
