/**
 * The names that no app, server or platform knows, so that a minifier may shorten them: those of methods and fields of
 * classes that stand in no declaration an app can see (`private` there, or the whole class is the package's own), and
 * in no object that is written or taken apart.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'acorn'

/** The declarations that an app can see: a file, and all that it names, as texts. */
export function visibleFrom(file) {
  const files = [file]
  for (const one of files) {
    for (const [, path] of readFileSync(one, 'utf8').matchAll(/from ['"](\.[^'"]+)\.js['"]/g)) {
      const named = join(dirname(one), `${path}.d.ts`)
      if (!files.includes(named)) files.push(named)
    }
  }
  return files.map((one) => readFileSync(one, 'utf8'))
}

/** `declarations`: what an app can see, in TypeScript; `code`: the bundle, before it is minified. */
export function privateNames(declarations, code) {
  const seen = new Set(declarations.flatMap((text) => withoutPrivate(text).match(/\w+/g) ?? []))
  const { members, keys } = namesIn(parse(code, { ecmaVersion: 2018, sourceType: 'script' }))
  return [...members].filter((name) => !seen.has(name) && !keys.has(name) && !ofTheLanguage.has(name)).sort()
}

/** What objects have by themselves: a member that is called `replace` shares its name with every text. */
const ofTheLanguage = new Set(
  Object.getOwnPropertyNames(globalThis)
    .map((name) => globalThis[name])
    .flatMap((one) => [one, one?.prototype])
    .filter((one) => one instanceof Object)
    .flatMap((one) => Object.getOwnPropertyNames(one)),
)

const withoutPrivate = (text) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/^\s*private .*;$/gm, '')

/** Names of methods and of what is behind `this`; and keys of objects and of patterns, and all texts. */
function namesIn(program) {
  const members = new Set()
  const keys = new Set(['constructor'])
  const visit = (node, path) => {
    if (node.type === 'MethodDefinition') members.add(node.key.name)
    if (node.type === 'MemberExpression' && node.object.type === 'ThisExpression') members.add(node.property.name)
    if (node.type === 'Property' && !takenFromThis(path)) keys.add(node.key.name)
    if (node.type === 'Literal') keys.add(node.value)
    for (const child of Object.values(node).flat()) if (child?.type) visit(child, [node, ...path])
  }
  visit(program, [])
  return { members, keys }
}

/** Whether it is in the pattern of `const { name } = this`. */
const takenFromThis = ([pattern, declarator]) =>
  pattern.type === 'ObjectPattern' && declarator.init?.type === 'ThisExpression'
