/** Owns how the sources become static/widget: a script, another for WooCommerce, a style sheet, a manifest. `--check` only compares. */

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as esbuild from 'esbuild'
import { minify } from 'terser'

const HERE = dirname(fileURLToPath(import.meta.url))
const SOURCES = join(HERE, 'src')
const OUTPUT = join(HERE, '..', '..', 'static', 'widget')

// Safari 14, Chrome 85, Firefox 79 (2020): an older browser would report a syntax error as the page's own.
const TARGET = 'es2021'
const CSS_TARGET = ['safari16', 'chrome105', 'firefox110']

const hash = (algorithm, content, encoding) => createHash(algorithm).update(content).digest(encoding)

async function smallCss(path) {
  const { code } = await esbuild.transform(await readFile(path, 'utf8'), { loader: 'css', minify: true, target: CSS_TARGET })
  return code.trim()
}

const cssAsText = {
  name: 'css-as-text',
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await smallCss(path), loader: 'text' }))
  },
}

// What is different in WooCommerce lies in a file of its own beside the one it stands in for: cart.woocommerce.js.
const forWooCommerce = {
  name: 'for-woocommerce',
  setup(build) {
    build.onResolve({ filter: /^\.\/.*\.js$/ }, ({ path, resolveDir }) => {
      const own = join(resolveDir, path.replace(/\.js$/, '.woocommerce.js'))
      return existsSync(own) ? { path: own } : undefined
    })
  },
}

async function script(isWooCommerce) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(SOURCES, 'regulars.js')],
    bundle: true,
    minify: true,
    format: 'iife',
    target: TARGET,
    charset: 'utf8',
    legalComments: 'none',
    // What the modules hand each other, under names that the widget reads of neither the DOM nor anyone's JSON.
    mangleProps: /^(answer|cart|host|note|status)$/,
    plugins: isWooCommerce ? [cssAsText, forWooCommerce] : [cssAsText],
    define: { IS_WOOCOMMERCE: String(isWooCommerce) },
    write: false,
  })
  // Another 2 % of what travels: esbuild inlines and drops less.
  const { code } = await minify(outputFiles[0].text, { compress: { passes: 3, inline: 1 }, ecma: 2020, toplevel: true })
  return Buffer.from(code + '\n')
}

// Also computed by tests/unit/test_widget_budget.py, so that a stale build is found where there is no Node.
async function sourcesDigest() {
  const names = (await readdir(SOURCES)).sort().map((name) => join('src', name))
  const digest = createHash('sha256')
  for (const name of [...names, 'build.mjs', 'package-lock.json']) digest.update(await readFile(join(HERE, name)))
  return digest.digest('hex')
}

async function buildAll() {
  const js = await script(false)
  const wooCommerceJs = await script(true)
  const name = `regulars.${hash('sha256', js, 'hex').slice(0, 12)}.js`
  const wooCommerceName = `regulars-woocommerce.${hash('sha256', wooCommerceJs, 'hex').slice(0, 12)}.js`
  const manifest = {
    'regulars.js': name,
    integrity: `sha384-${hash('sha384', js, 'base64')}`,
    'regulars-woocommerce.js': wooCommerceName,
    sources: await sourcesDigest(),
  }
  return {
    [name]: Buffer.from(js),
    [wooCommerceName]: Buffer.from(wooCommerceJs),
    'skeleton.css': Buffer.from((await smallCss(join(SOURCES, 'shelf.css'))) + '\n'),
    'manifest.json': Buffer.from(JSON.stringify(manifest, null, 2) + '\n'),
  }
}

async function staleFiles(files) {
  const present = await readdir(OUTPUT).catch(() => [])
  const differs = async (name) => !files[name] || !files[name].equals(await readFile(join(OUTPUT, name)))
  const changed = []
  for (const name of present) if (await differs(name)) changed.push(name)
  return [...changed, ...Object.keys(files).filter((name) => !present.includes(name))]
}

async function write(files) {
  await mkdir(OUTPUT, { recursive: true })
  for (const name of await readdir(OUTPUT)) if (!files[name]) await rm(join(OUTPUT, name))
  for (const [name, content] of Object.entries(files)) await writeFile(join(OUTPUT, name), content)
}

const files = await buildAll()
if (process.argv.includes('--check')) {
  const stale = await staleFiles(files)
  if (stale.length) {
    console.error(`static/widget is not what storefront/widget gives: ${stale.join(', ')}. Run storefront/widget/build.sh.`)
    process.exit(1)
  }
  console.log('static/widget is up to date.')
} else {
  await write(files)
  console.log(Object.entries(files).map(([name, content]) => `${name}: ${content.length} bytes`).join('\n'))
}
