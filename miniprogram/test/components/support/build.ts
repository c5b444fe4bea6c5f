import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import type * as Core from '../../../src/index'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

export const names = ['user-container', 'phone-container', 'auth-flow', 'auth-popup', 'privacy-popup'] as const

/** The components as a Mini Program has them: templates and styles beside CommonJS, one copy of the core. */
export interface Build {
  root: string
  /** Paths of the components in the build, by the tag that the tests give them. */
  tags: Readonly<Record<string, string>>
  core: typeof Core
  remove(): void
}

export async function build(): Promise<Build> {
  const out = mkdtempSync(join(tmpdir(), 'mpauth-components-'))
  const tags: Record<string, string> = { 'auth-page': 'pages/auth/index' }
  for (const name of names) tags[name] = `components/${name}/index`
  const entries = Object.values(tags).map((path) => [path, `${path}.ts`])
  const bundle = await rolldown({
    cwd: root,
    input: { index: 'src/index.ts', ...Object.fromEntries(entries) },
    platform: 'neutral',
    transform: { target: 'es2018' },
  })
  await bundle.write({ dir: out, format: 'cjs', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name].js' })
  await bundle.close()
  for (const kind of ['components', 'pages']) {
    cpSync(join(root, kind), join(out, kind), { recursive: true, filter: (path) => extname(path) !== '.ts' })
  }
  writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }')
  const core = createRequire(join(out, 'index.js'))('./index.js') as typeof Core
  return { root: out, tags, core, remove: () => rmSync(out, { recursive: true, force: true }) }
}

/** The files of the components in the source, by how their names end. */
export function sources(extension: string): string[] {
  return ['components', 'pages'].flatMap((kind) =>
    (readdirSync(join(root, kind), { recursive: true }) as string[])
      .filter((name) => name.endsWith(extension))
      .map((name) => join(root, kind, name)),
  )
}
