/** Owns what has to be right before the extensions are deployed: fresh files, theme-check, sizes. Writes nothing. */

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { staleFiles } from './build.mjs'

const HERE = dirname(fileURLToPath(import.meta.url))
const EXTENSION = join(HERE, 'extensions', 'regulars-theme')

// Bytes and files, as Shopify's "Configure theme app extensions" lists them (read 2026-10-03). The first six are
// enforced when the app is deployed; the compressed sizes are what theme-check and the review ask for.
const LIMITS = {
  'all files, bytes': 10_000_000,
  'blocks, files': 30,
  'Liquid, bytes': 100_000,
  'locales, files': 100,
  'largest locale, bytes': 15_000,
  'scripts, bytes compressed': 10_000,
  'style sheets, bytes compressed': 100_000,
}

// The web pixel as Shopify's command line bundles it. Our own limit: it is loaded beside every page of the shop.
const PIXEL_LIMIT = 1_000

async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  return Promise.all(
    paths.map(async (path) => ({ folder: basename(dirname(path)), kind: extname(path), content: await readFile(path) })),
  )
}

const total = (files, measure = (content) => content.length) =>
  files.reduce((sum, { content }) => sum + measure(content), 0)

function sizesOf(files) {
  const of = (kind) => files.filter((file) => file.kind === kind)
  const within = (folder) => files.filter((file) => file.folder === folder)
  const packed = (content) => gzipSync(content, { level: 9 }).length
  return {
    'all files, bytes': total(files),
    'blocks, files': within('blocks').length,
    'Liquid, bytes': total(of('.liquid')),
    'locales, files': within('locales').length,
    'largest locale, bytes': Math.max(...within('locales').map(({ content }) => content.length)),
    'scripts, bytes compressed': total(of('.js'), packed),
    'style sheets, bytes compressed': total(of('.css'), packed),
  }
}

// theme-check would fetch Shopify's newest lists of filters and objects and keep them in the home folder. The
// lists its pinned version carries are used instead: the same verdict everywhere, and with no network.
async function offences() {
  const cache = await mkdtemp(join(tmpdir(), 'regulars-theme-check-'))
  process.env.XDG_CACHE_HOME = cache
  process.env.SHOPIFY_TLD_ROOT = join(cache, 'none')
  try {
    const { check } = await import('@shopify/theme-check-node')
    return await check(EXTENSION, join(HERE, 'theme-check.yml'))
  } finally {
    await rm(cache, { recursive: true, force: true })
  }
}

async function pixelSize() {
  const { build } = await import('esbuild')
  const entry = join(HERE, 'extensions', 'regulars-pixel', 'src', 'index.js')
  // Its one dependency is installed here, for the check; deploying installs it in the extension's own folder.
  const nodePaths = [join(HERE, 'node_modules')]
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: 'iife', target: 'es2020', nodePaths, write: false })
  return gzipSync(outputFiles[0].contents, { level: 9 }).length
}

const inWords = ({ check, message, uri, start }) =>
  `${decodeURIComponent(uri).split('regulars-theme/').pop()}:${(start?.line ?? 0) + 1} ${check}: ${message}`

const problems = (await staleFiles()).map((name) => `${name} is not what static/widget gives: run storefront/shopify/build.mjs`)

for (const [what, size] of Object.entries(sizesOf(await filesBelow(EXTENSION)))) {
  console.log(`${what.padEnd(32)}${String(size).padStart(10)} of ${LIMITS[what]}`)
  if (size > LIMITS[what]) problems.push(`${what}: ${size}, and Shopify allows ${LIMITS[what]}`)
}

const pixel = await pixelSize()
console.log(`${'web pixel, bytes compressed'.padEnd(32)}${String(pixel).padStart(10)} of ${PIXEL_LIMIT}`)
if (pixel > PIXEL_LIMIT) problems.push(`the web pixel: ${pixel} bytes, and ${PIXEL_LIMIT} are allowed here`)

const found = await offences()
console.log(`${'theme-check, offences'.padEnd(32)}${String(found.length).padStart(10)} of 0`)
problems.push(...found.map(inWords))

for (const problem of problems) console.error(problem)
process.exitCode = problems.length ? 1 : 0
