/**
 * Builds the package.
 *
 *   node build.mjs
 *
 * miniprogram_dist/   what WeChat's npm build copies: CommonJS of ES2018, minified, a file and a folder per entry
 *                     and one folder per component, beside the templates and styles of the components
 * dist/esm/           the entries for bundlers, not minified
 * dist/cjs/           the entry for tests in Node without ES modules
 * dist/types/         declarations for CommonJS; those for ES modules are in dist/esm
 * dist/trusted-documents.json    the SDK's own operations, for a server that takes no others
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { privateNames, visibleFrom } from './private-names.mjs'

const root = dirname(fileURLToPath(import.meta.url))
const at = (...path) => join(root, ...path)

/** What is imported beside the index, which others take from it: an app that shows no words loads none. */
const texts = { texts: 'src/entries/texts.ts' }
const subEntries = {
  account: 'src/entries/account.ts',
  fly: 'src/entries/fly.ts',
  graphql: 'src/entries/graphql.ts',
  guards: 'src/entries/guards.ts',
  log: 'src/entries/log.ts',
  request: 'src/entries/request.ts',
}
/** Runs in Node and has no business on a phone. */
const testing = { testing: 'src/entries/testing.ts' }

/** Every folder with an index.ts under components/ and pages/: its place in the package is its place here. */
function nativeEntries() {
  const found = {}
  for (const kind of ['components', 'pages']) {
    for (const name of existsSync(at(kind)) ? readdirSync(at(kind)).sort() : []) {
      const source = `${kind}/${name}/index.ts`
      if (existsSync(at(source))) found[`${kind}/${name}/index`] = source
    }
  }
  return found
}

/**
 * Each entry is a file and a folder: bundlers and Node find the one, and it is not documented which of the two WeChat's
 * require looks for.
 */
function folders(names) {
  for (const name of names) {
    mkdirSync(at('miniprogram_dist', name), { recursive: true })
    writeFileSync(at('miniprogram_dist', name, 'index.js'), `module.exports = require('../${name}.js')\n`)
  }
}

/** Copies what needs no compiler: templates, styles, configurations, pictures. */
function copyNative() {
  for (const kind of ['components', 'pages']) {
    if (!existsSync(at(kind))) continue
    cpSync(at(kind), at('miniprogram_dist', kind), { recursive: true, filter: (path) => extname(path) !== '.ts' })
  }
}

/** Helpers without a state, of which a second copy does no harm and costs less than being exported. */
const copied = new Set([at('src/auth/auth-page.ts'), at('src/request/address.ts')])

/** How the index is minified: names that nobody outside of it knows become short ones too. */
async function withShortNames(build, output) {
  const { output: chunks } = await build.generate({ ...output, minify: false })
  const names = privateNames(visibleFrom(at('dist/types/index.d.ts')), chunks[0].code)
  return { compress: true, mangle: true, mangleProps: { include: new RegExp(`^(${names.join('|')})$`) } }
}

/**
 * Bundles entries. `owners` says which file has a module already, by the id of the module, and whether it exports it:
 * entries take it from there, so that an app has one copy of it. Answers the same of what is bundled here.
 */
async function bundle(input, output, owners = new Map()) {
  const exporting = new Set()
  const build = await rolldown({
    cwd: root,
    input,
    platform: 'neutral',
    transform: { target: 'es2018' },
    external: /^node:/,
    plugins: [
      takenFrom(owners, output.dir),
      {
        name: 'exporting',
        moduleParsed({ isEntry, importedIds }) {
          if (isEntry) for (const id of importedIds) exporting.add(id)
        },
      },
    ],
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message)
    },
  })
  const options = { comments: { legal: false, annotation: false }, generatedCode: { symbols: false }, ...output }
  // Others share files among them, which would have to agree on the names.
  if (output.minify && input.index) options.minify = await withShortNames(build, options)
  const { output: chunks } = await build.write(options)
  await build.close()
  const modules = chunks.flatMap((chunk) => chunk.moduleIds)
  const twice = modules.filter((id) => owners.has(id) && !copied.has(id)).map((id) => relative(root, id))
  if (twice.length > 0) throw new Error(`${twice} would be there twice: export it from src/index.ts`)
  return modules.map((id) => [id, { file: join(output.dir, chunks[0].fileName), exported: exporting.has(id) }])
}

function takenFrom(owners, dir) {
  // Nothing that any text of the SDK begins with: its log lines and its key in storage begin with `mpauth:`.
  const placeholder = 'built-file-of-mpauth:'
  return {
    name: 'taken-from-its-owner',
    async resolveId(source, importer, options) {
      if (!importer) return null
      const found = await this.resolve(source, importer, { ...options, skipSelf: true })
      const owner = found && owners.get(found.id)
      return owner?.exported ? { id: placeholder + relative(root, owner.file), external: true } : found
    },
    renderChunk(code, chunk) {
      return code.replace(/(?<=["'`])built-file-of-mpauth:([^"'`]+)/g, (_, owner) => {
        const path = relative(dirname(join(dir, chunk.fileName)), at(owner))
          .split('\\')
          .join('/')
        return path.startsWith('.') ? path : `./${path}`
      })
    },
  }
}

/** `./status` to `./status.js`: what Node resolves, and TypeScript with it, wants the whole name. */
function withExtension(text, file, extension) {
  const specifier = /((?:from|import)\s*\(?\s*)(['"])(\.[^'"]*)\2/g
  return text.replace(specifier, (_, before, quote, path) => {
    const whole = existsSync(join(dirname(file), `${path}.d.ts`)) ? path : `${path}/index`
    return `${before}${quote}${whole}.${extension}${quote}`
  })
}

function declarations() {
  execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('tsconfig.build.json')], {
    stdio: 'inherit',
  })
  const types = at('dist/types')
  const files = readdirSync(types, { recursive: true }).filter((name) => name.endsWith('.d.ts'))
  const texts = files.map((name) => [name, readFileSync(join(types, name), 'utf8')])
  for (const [name, text] of texts) {
    const file = join(types, name)
    const esm = at('dist/esm', relative(types, file).replace(/\.d\.ts$/, '.d.mts'))
    mkdirSync(dirname(esm), { recursive: true })
    writeFileSync(esm, withExtension(text, file, 'mjs'))
  }
  for (const [name, text] of texts) writeFileSync(join(types, name), withExtension(text, join(types, name), 'js'))
}

for (const folder of ['miniprogram_dist', 'dist']) rmSync(at(folder), { recursive: true, force: true })

const cjs = { format: 'cjs', minify: true, entryFileNames: '[name].js', chunkFileNames: 'shared/[name].js' }
const esm = { dir: at('dist/esm'), format: 'es', entryFileNames: '[name].mjs', chunkFileNames: 'shared/[name].mjs' }

/** Index, then texts, then the rest: each takes from those before it. */
async function inLayers(rest, output) {
  const owners = new Map(await bundle({ index: 'src/index.ts' }, output))
  for (const [id, owner] of await bundle(texts, output, owners)) owners.set(id, owner)
  await bundle(rest, output, owners)
  return owners
}

declarations()
const phone = { ...cjs, dir: at('miniprogram_dist') }
const owners = await inLayers({ ...subEntries, ...nativeEntries() }, phone)
copyNative()
folders(Object.keys({ ...texts, ...subEntries }))
await bundle(testing, { ...cjs, minify: false, dir: at('dist/cjs') }, owners)
await inLayers({ ...subEntries, ...testing }, esm)
cpSync(at('src/generated/trusted-documents.json'), at('dist/trusted-documents.json'))
