// Puts each mistake of mutations.mjs, one at a time, into a copy of the sources, and runs the tests that speak of it.
// Succeeds when they pass on the sources as they are, and fail on every copy.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mutations } from './mutations.mjs'

const home = join(dirname(fileURLToPath(import.meta.url)), '../..')
const root = mkdtempSync(join(tmpdir(), 'mutations-'))
process.on('exit', () => rmSync(root, { recursive: true, force: true }))

/** A copy of the sources, with the tests in question beside it. */
function copy(name, tests) {
  const to = join(root, name)
  mkdirSync(join(to, 'test'), { recursive: true })
  for (const path of ['src', 'test/support', 'package.json'])
    cpSync(join(home, path), join(to, path), { recursive: true })
  for (const test of tests) {
    const folder = dirname(test)
    // What tests of the folder share goes along; their other tests do not.
    cpSync(join(home, 'test', folder), join(to, 'test', folder), {
      recursive: true,
      filter: (path) => !path.endsWith('.test.ts') || tests.some((one) => path.endsWith(`${one}.test.ts`)),
    })
  }
  return to
}

function edit(file, { find, replace }, name) {
  const text = readFileSync(file, 'utf8')
  if (text.split(find).length !== 2) {
    console.error(
      `${name}: its text does not stand exactly once in ${relative(root, file)}; bring it up to date:\n${find}`,
    )
    process.exit(1)
  }
  writeFileSync(
    file,
    text.replace(find, () => replace),
  )
}

symlinkSync(join(home, 'node_modules'), join(root, 'node_modules'))
cpSync(join(home, '../schema'), join(root, 'schema'), { recursive: true })
copy('as-it-is', [...new Set(mutations.flatMap(({ tests }) => tests))])
for (const [i, { name, file, find, replace, and, tests }] of mutations.entries()) {
  const target = join(copy(`mutation-${i}`, tests), file)
  edit(target, { find, replace }, name)
  if (and) edit(target, and, name)
}

// One run for all: starting is what costs.
const report = join(root, 'report.json')
const config = join(root, 'vitest.config.mjs')
writeFileSync(
  config,
  `export default { test: { include: ['*/test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } }`,
)
const vitest = join(home, 'node_modules/vitest/vitest.mjs')
const args = [vitest, 'run', '--root', root, '--config', config, '--reporter', 'json', '--outputFile', report]
const { error, stderr } = spawnSync(process.execPath, args, { cwd: root, timeout: 1_200_000, encoding: 'utf8' })
if (error) throw error

const failed = new Map()
const ran = new Set()
try {
  for (const { name, assertionResults } of JSON.parse(readFileSync(report, 'utf8')).testResults) {
    const [folder] = relative(root, name).split(sep)
    for (const { status, fullName } of assertionResults) {
      ran.add(folder)
      if (status === 'failed') failed.set(folder, [...(failed.get(folder) ?? []), fullName])
    }
  }
} catch (cause) {
  throw new Error(`no report of the tests:\n${stderr}`, { cause })
}

let ok = ran.has('as-it-is') && !failed.has('as-it-is')
if (!ok) console.error('the tests fail on the sources as they are:', failed.get('as-it-is') ?? 'none ran')
for (const [i, { name }] of mutations.entries()) {
  const by = failed.get(`mutation-${i}`)
  console.log(
    by ? `caught   ${name}: ${by[0]}${by.length > 1 ? ` (and ${by.length - 1} more)` : ''}` : `SURVIVED ${name}`,
  )
  if (!by) ok = false
}
process.exit(ok ? 0 : 1)
