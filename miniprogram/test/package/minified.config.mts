import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vitest/config'

const root = join(import.meta.dirname, '../..')
const built = (name: string) => join(root, `miniprogram_dist/${name}.js`)

/** Which built file has what tests take from a source. */
const places: [RegExp, string][] = [
  [/^src\/request\/graphql(-backend)?$/, built('graphql')],
  [/^src\/(auth\/authorized|request\/request)$/, built('request')],
  [/^src\/(auth\/guards|decorators)$/, built('guards')],
  [
    /^src\/(errors|emitter|fuse|lock-queue|logger|status|step|wx|request\/(auth-core|server-error)|session\/(registry|session|types))$/,
    built('index'),
  ],
]

/** What tests import from the sources they get from the built files; the sources themselves stay among themselves. */
const fromBuilt: Plugin = {
  name: 'from-built',
  enforce: 'pre',
  resolveId(source, importer) {
    if (!importer?.startsWith(join(root, 'test')) || !source.startsWith('.')) return null
    const path = join(importer, '..', source).slice(root.length + 1)
    return places.find(([sources]) => sources.test(path))?.[1] ?? null
  },
}

/** Runs tests of the sources on what is published: the names in it are shortened. */
export default defineConfig({
  root,
  plugins: [fromBuilt],
  test: {
    include: ['auth', 'request', 'session'].map((folder) => `test/${folder}/*.test.ts`),
    // Loads the SDK twice, which cannot be done with a file that Node has loaded.
    exclude: ['test/session/registry.test.ts'],
    pool: 'threads',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // As they are: built files that require one another are then one copy of the SDK.
    server: { deps: { external: [/miniprogram_dist/] } },
  },
})
