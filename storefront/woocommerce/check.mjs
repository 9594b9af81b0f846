/** Owns whether the plugin is written in PHP 7.4, the oldest it promises, whatever PHP is installed here. Writes nothing. */

import { readFile, readdir } from 'node:fs/promises'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import engine from 'php-parser'

const HERE = dirname(fileURLToPath(import.meta.url))
const PLUGIN = join(HERE, 'regulars')

// The parser refuses most of what is newer; these it takes at any version.
const NEWER_NODES = ['attrgroup', 'enum', 'intersectiontype', 'match', 'namedargument', 'uniontype']
const NEWER_TYPES = ['mixed', 'never', 'static']
// WordPress brings some of these to older PHP; none is needed.
const NEWER_FUNCTIONS = ['array_is_list', 'fdiv', 'get_debug_type', 'str_contains', 'str_ends_with', 'str_starts_with']

function* nodesOf(node) {
  if (Array.isArray(node)) for (const one of node) yield* nodesOf(one)
  else if (node && typeof node === 'object') {
    if (node.kind) yield node
    for (const [name, value] of Object.entries(node)) if (name !== 'loc') yield* nodesOf(value)
  }
}

function isNewer(node) {
  if (NEWER_NODES.includes(node.kind) || node.readonly || node.isReadonly) return true
  if (node.kind === 'parameter' && node.flags) return true // promoted into a property
  if (node.kind === 'name' || node.kind === 'typereference') return node.isType && NEWER_TYPES.includes(node.name)
  return node.kind === 'call' && NEWER_FUNCTIONS.includes(node.what.name)
}

function problemsIn(text, name) {
  const parser = new engine.Engine({ parser: { version: '7.4', locations: true }, ast: { withPositions: true } })
  try {
    const found = [...nodesOf(parser.parseCode(text, name))]
    for (const { type } of found) if (type?.kind === 'name' || type?.kind === 'typereference') type.isType = true
    return found.filter(isNewer).map((node) => `${name}:${node.loc.start.line} needs a newer PHP than 7.4 (${node.kind})`)
  } catch (error) {
    return [`${name}: ${error.message}`]
  }
}

const entries = await readdir(PLUGIN, { recursive: true, withFileTypes: true })
const paths = entries.filter((entry) => extname(entry.name) === '.php').map((entry) => join(entry.parentPath ?? entry.path, entry.name))
const problems = (await Promise.all(paths.map(async (path) => problemsIn(await readFile(path, 'utf8'), relative(HERE, path))))).flat()

// A check that lets everything through would say "fine" as well.
const NEWER = ['match(1){}', 'f(a: 1);', 'class A{function __construct(private $x){}}', 'class A{public readonly int $x;}', 'function f(int|string $a){}', 'str_contains("a","b");', 'function f(mixed $a){}', '$a?->b;']
for (const one of NEWER) if (!problemsIn(`<?php ${one}`, 'a sample').length) problems.push(`check.mjs takes ${one} for PHP 7.4`)

for (const problem of problems) console.error(problem)
console.log(`${paths.length} files, ${problems.length} problems`)
process.exitCode = problems.length ? 1 : 0
