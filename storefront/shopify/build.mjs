/** Owns what the extension takes from static/widget: its script and its skeleton's style sheet. */

import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
const WIDGET = join(HERE, '..', '..', 'static', 'widget')
const EXTENSION = join(HERE, 'extensions', 'regulars-theme')

// Shopify's CDN puts a version of its own before every asset, so the script needs no hash in its name.
async function filesToWrite() {
  const manifest = JSON.parse(await readFile(join(WIDGET, 'manifest.json'), 'utf8'))
  const css = (await readFile(join(WIDGET, 'skeleton.css'), 'utf8')).trim()
  return {
    'assets/regulars.js': await readFile(join(WIDGET, manifest['regulars.js'])),
    'snippets/skeleton-style.liquid': Buffer.from(
      `{%- comment -%} Written by storefront/shopify/build.mjs from static/widget/skeleton.css. {%- endcomment -%}\n` +
        `{%- raw -%}${css}{%- endraw -%}\n`,
    ),
  }
}

async function isStale(name, content) {
  const present = await readFile(join(EXTENSION, name)).catch(() => null)
  return !present?.equals(content)
}

/** Names of the files that are not what static/widget gives. */
export async function staleFiles() {
  const files = Object.entries(await filesToWrite())
  const stale = await Promise.all(files.map(([name, content]) => isStale(name, content)))
  return files.filter((_, place) => stale[place]).map(([name]) => name)
}

async function build() {
  for (const [name, content] of Object.entries(await filesToWrite())) {
    await writeFile(join(EXTENSION, name), content)
    console.log(`${name}: ${content.length} bytes`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build()
