#!/bin/sh
# What has to be right before the plugin is packed: it parses, as PHP 7.4 too, and keeps to phpcs.xml.dist.
set -eu
cd "$(dirname "$0")"
for tool in php phpcs node npm; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "storefront/woocommerce/check.sh: $tool is needed to check the plugin (on Debian and Ubuntu: apt install php-cli php-codesniffer nodejs npm)." >&2
        exit 1
    fi
done
find regulars -name '*.php' -print0 | xargs -0 -n 1 php -l >/dev/null
phpcs --standard=phpcs.xml.dist -q
if [ ! -d node_modules/php-parser ]; then
    npm ci --silent --no-audit --no-fund --ignore-scripts
fi
exec node check.mjs
