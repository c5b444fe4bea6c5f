import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { built, read, root } from './built'

const declarations = built('dist').filter((name) => /\.d\.m?ts$/.test(name))

function tsc(...options: string[]): string {
  const { stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...options], {
    cwd: join(root, 'test/package/consumer'),
    encoding: 'utf8',
  })
  return stdout
}

describe('an app in TypeScript', () => {
  test('compiles against the package as Node resolves it, by import and by require', () => {
    expect(tsc('-p', '.')).toBe('')
  })

  test('compiles against the package as bundlers resolve it', () => {
    expect(tsc('-p', '.', '--module', 'ESNext', '--moduleResolution', 'Bundler')).not.toContain('app.mts')
  })
})

test('declarations know no other package, neither WeChat nor Node', () => {
  for (const name of declarations) {
    const outside = [...read(name).matchAll(/(?:from|import\(|import|require\()\s*['"]([^'"]+)['"]/g)]
    expect(
      outside.map(([, path]) => path).filter((path) => !path?.startsWith('.')),
      name,
    ).toEqual([])
    expect(read(name), name).not.toMatch(/<reference|WechatMiniprogram|NodeJS\./)
  }
})

test('declarations of ES modules and of CommonJS say the same', () => {
  const cjs = declarations.filter((name) => name.endsWith('.d.ts'))
  expect(cjs.length).toBe(declarations.length / 2)
  for (const name of cjs) {
    const esm = read(name.replace('dist/types/', 'dist/esm/').replace(/\.d\.ts$/, '.d.mts'))
    expect(esm.replace(/\.mjs'/g, ".js'")).toBe(read(name))
  }
})
