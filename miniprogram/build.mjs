/**
 * Builds the package.
 *
 *   node build.mjs
 *
 * miniprogram_dist/   what WeChat's npm build copies: CommonJS of ES2018, minified, one folder per entry
 *                     and per component, beside the templates and styles of the components
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

const root = dirname(fileURLToPath(import.meta.url))
const at = (...path) => join(root, ...path)

/** What is imported beside the index. `testing` runs in Node and has no business on a phone. */
const subEntries = { fly: 'src/entries/fly.ts', log: 'src/entries/log.ts' }
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

/** Copies what needs no compiler: templates, styles, configurations, pictures. */
function copyNative() {
  for (const kind of ['components', 'pages']) {
    if (!existsSync(at(kind))) continue
    cpSync(at(kind), at('miniprogram_dist', kind), { recursive: true, filter: (path) => extname(path) !== '.ts' })
  }
}

/** Bundles entries, and answers which modules went into them. */
async function bundle(all, output, core) {
  const input = Object.fromEntries(Object.entries(all).filter(([, source]) => existsSync(at(source))))
  if (Object.keys(input).length === 0) return new Set()
  const build = await rolldown({
    cwd: root,
    input,
    platform: 'neutral',
    transform: { target: 'es2018' },
    external: /^node:/,
    plugins: core ? [takenFrom(core, output.dir)] : [],
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message)
    },
  })
  const { output: chunks } = await build.write({
    comments: { legal: false, annotation: false },
    generatedCode: { symbols: false },
    ...output,
  })
  await build.close()
  return new Set(chunks.flatMap((chunk) => chunk.moduleIds ?? []))
}

/**
 * Lets every entry take from the index what the index has, so that there is one copy of it in an app.
 * What an entry uses must therefore be exported by the index; a test reads the result.
 */
function takenFrom({ modules, file }, dir) {
  const placeholder = 'mpauth:index'
  return {
    name: 'taken-from-the-index',
    async resolveId(source, importer, options) {
      if (!importer) return null
      const found = await this.resolve(source, importer, { ...options, skipSelf: true })
      return found && modules.has(found.id) ? { id: placeholder, external: true } : found
    },
    renderChunk(code, chunk) {
      const path = relative(dirname(join(dir, chunk.fileName)), file)
      return code.replaceAll(placeholder, path.startsWith('.') ? path : `./${path}`)
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

const folder = ({ name }) => (name.includes('/') ? `${name}.js` : `${name}/index.js`)
const cjs = { format: 'cjs', minify: true, chunkFileNames: 'shared/[name].js' }
const esm = { dir: at('dist/esm'), format: 'es', entryFileNames: '[name].mjs', chunkFileNames: 'shared/[name].mjs' }

const phone = at('miniprogram_dist')
const modules = await bundle({ index: 'src/index.ts' }, { ...cjs, dir: phone, entryFileNames: '[name].js' })
const core = { modules, file: join(phone, 'index.js') }
await bundle({ ...subEntries, ...nativeEntries() }, { ...cjs, dir: phone, entryFileNames: folder }, core)
copyNative()
await bundle(testing, { ...cjs, minify: false, dir: at('dist/cjs'), entryFileNames: '[name].js' }, core)

await bundle({ index: 'src/index.ts' }, esm)
await bundle({ ...subEntries, ...testing }, esm, { modules, file: at('dist/esm/index.mjs') })
cpSync(at('src/generated/trusted-documents.json'), at('dist/trusted-documents.json'))
declarations()
