import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { expect, test } from 'vitest'
import { built, filesIn, read, root } from './built'

const manifest = JSON.parse(read('package.json'))

function packed(): string[] {
  const answer = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent'], { cwd: root })
  const [{ files }] = JSON.parse(answer.toString()) as [{ files: { path: string }[] }]
  return files.map(({ path }) => path).sort()
}

test('what is published is what was built, the manifest, the licence and the two READMEs', () => {
  const beside = ['LICENSE', 'README.md', 'README.zh-CN.md', 'package.json']
  const expected = [...built('miniprogram_dist'), ...built('dist'), ...beside].sort()
  expect(packed()).toEqual(expected)
})

test('no source, test or machine is in what is published', () => {
  for (const name of [...built('miniprogram_dist'), ...built('dist')]) {
    expect(name).toMatch(/\.(js|mjs|json|wxml|wxss|wxs|png|svg|d\.ts|d\.mts)$/)
    expect(read(name)).not.toMatch(/\/(home|root|Users|tmp)\//)
    // Bundlers make names of paths, with something else for the slashes.
    expect(read(name)).not.toContain(root.replace(/^\/|\/$/g, '').replace(/[^\w$]/g, '_'))
  }
})

test('every template, style and configuration of a component is beside its script', () => {
  const sources = ['components', 'pages'].flatMap(filesIn).filter((name) => !name.endsWith('.ts'))
  expect(built('miniprogram_dist')).toEqual(expect.arrayContaining(sources.map((name) => `miniprogram_dist/${name}`)))
})

test('requests tell the server the version that is published', () => {
  expect(read('src/session/login.ts')).toContain(`sdkVersion = '${manifest.version}'`)
})

test('it brings nothing along', () => {
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundledDependencies']) {
    expect(manifest[kind], kind).toBeUndefined()
  }
  expect(Object.keys(manifest.scripts)).not.toEqual(expect.arrayContaining(['postinstall', 'install', 'preinstall']))
})

test('publint has nothing to say', async () => {
  const { messages } = await publint({ pkgDir: root, strict: true, level: 'warning' })
  expect(messages.map((message) => formatMessage(message, manifest, { color: false }))).toEqual([])
})

test('the licence is the one of the project', () => {
  expect(read('LICENSE')).toBe(read('../LICENSE'))
})

test('the lockfile names no host', () => {
  expect(read('package-lock.json')).not.toContain('"resolved"')
  expect(read('test/npm-build/package-lock.json')).not.toContain('"resolved"')
})

test.each(['account', 'fly', 'graphql', 'guards', 'log', 'request', 'texts'])('%s is a file and a folder', (name) => {
  const load = createRequire(`${root}/package.json`)
  const file = load(`./miniprogram_dist/${name}.js`)
  expect(Object.keys(file)).not.toEqual([])
  expect(load(`./miniprogram_dist/${name}/index.js`)).toBe(file)
})
