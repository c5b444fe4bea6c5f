import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { compile } from '../compile/index'
import { Project } from '../compile/project'
import { compileScripts } from '../compile/scripts'
import { compileStyles } from '../compile/styles'
import { hostMark, scopeMark } from '../src/bundle'

const made: string[] = []

/** A project of these files, with the least that each must have. */
function project(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'mpauth-simulator-compile-'))
  made.push(directory)
  const all = {
    'app.json': '{ "pages": ["p"] }',
    'app.js': 'App({})',
    'p.js': 'Page({})',
    'p.wxml': '<view/>',
    ...files,
  }
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return directory
}

afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true })
})

const styled = (wxss: string, files: Record<string, string> = {}) =>
  compileStyles(new Project(project({ 'p.wxss': wxss, ...files })), 'p.wxss')
    .replaceAll(scopeMark, '§')
    .replaceAll(hostMark, '§')
    .replace(/\s+/g, ' ')
    .trim()

test.each([
  ['.a { width: 750rpx }', '.§a { width: 100cqw }'],
  ['.a { margin: -10rpx .5rpx auto }', '.§a { margin: -1.33333333cqw 0.06666667cqw auto }'],
  ['.a { height: calc(100vh - 1.5rem) }', '.§a { height: calc(100cqh - calc(1.5 * var(--rem, 16px))) }'],
  ['.a { content: "1rpx"; --x5rpx: 0 }', '.§a { content: "1rpx"; --x5rpx: 0 }'],
  ['.a { padding: env(safe-area-inset-bottom) }', '.§a { padding: var(--safe-area-bottom, 0px) }'],
  ['page, view.a > .b:not(.c)::after {}', 'wx-page, wx-view.§a > .§b:not(.§c)::after {}'],
  [':host { top: 0 } :host(.x) .a { top: 0 }', '[wx-host="§"] { top: 0 } [wx-host="§"]:is(.§x) .§a { top: 0 }'],
  ['@keyframes k { from { top: 0 } to { top: 1rpx } }', '@keyframes k { from { top: 0 } to { top: 0.13333333cqw } }'],
  [
    '@media (prefers-color-scheme: dark) { page { top: 0 } .a { top: 0 } }',
    'wx-page:where([data-theme="dark"]) { top: 0 } :where([data-theme="dark"]) .§a { top: 0 }',
  ],
  ['@media screen and (min-width: 400px) { .a { top: 0 } }', '@container (min-width: 400px) { .§a { top: 0 } }'],
  [
    '@media (prefers-reduced-motion: reduce) { .a { top: 0 } }',
    '@media (prefers-reduced-motion: reduce) { .§a { top: 0 } }',
  ],
])('WXSS %s', (wxss, css) => {
  expect(styled(wxss)).toBe(css)
})

test('WXSS imports what it names, relative or from the root, and not itself', () => {
  expect(styled('@import "./q"; @import "/r.wxss";', { 'q.wxss': '.q { top: 0 }', 'r.wxss': '.r { top: 0 }' })).toBe(
    '.§q { top: 0 } .§r { top: 0 }',
  )
  expect(() => styled('@import "./none";')).toThrow('p.wxss: @import ./none: there is no such file')
  expect(() => styled('@import "./p";')).toThrow('p.wxss: imports itself')
})

test('scripts are followed to files, folders and packages', () => {
  const directory = project({
    'p.js':
      'import a from "./a"\nimport { b } from "lib"\nconst c = require("utils/c"), d = require("gone")\nPage({ a, b, c, d })',
    'a.ts': 'export default 1 as number',
    'utils/c/index.js': 'module.exports = 1',
    'miniprogram_npm/lib/index.js': 'exports.b = require("./more")',
    'miniprogram_npm/lib/more.js': 'module.exports = 2',
  })
  const modules = compileScripts(new Project(directory), ['p.js'])
  expect([...modules.keys()]).toEqual([
    'p.js',
    'a.ts',
    'miniprogram_npm/lib/index.js',
    'utils/c/index.js',
    'miniprogram_npm/lib/more.js',
  ])
  expect(modules.get('p.js')).toContain('require("/miniprogram_npm/lib/index.js")')
  expect(modules.get('p.js')).toContain('require("gone")') // fails when the code gets there, as in WeChat
})

test('a package may come from elsewhere than miniprogram_npm', () => {
  const elsewhere = project({
    'components/x/index.wxml': '<slot/>',
    'components/x/index.js': 'Component({})',
    'components/x/index.json': '{"component":true}',
  })
  const directory = project({ 'p.json': '{ "usingComponents": { "x": "lib/components/x/index" } }', 'p.wxml': '<x/>' })
  const { code, files } = compile(directory, { packages: { lib: elsewhere } })
  expect(code).toContain('"x":"/miniprogram_npm/lib/components/x/index"')
  expect(files).toContain(join(elsewhere, 'components/x/index.wxml'))
})

test('pages of sub-packages have their root in front', () => {
  const directory = project({
    'app.json': '{ "pages": ["p"], "subPackages": [{ "root": "more", "pages": ["q"] }] }',
    'more/q.js': 'Page({})',
    'more/q.wxml': '<view/>',
  })
  expect(compile(directory).code).toContain('"pages":["p","more/q"]')
})

test.each<[string, Record<string, string>, string]>([
  ['a page without a template', { 'app.json': '{ "pages": ["q"] }' }, 'q.wxml: there is no such file'],
  ['a page without a script', { 'app.json': '{ "pages": ["q"] }', 'q.wxml': '' }, 'q.js: there is no such file'],
  [
    'a component that is not there',
    { 'p.json': '{ "usingComponents": { "x": "./x" } }' },
    'p.json: the component x is not found at ./x',
  ],
  ['JSON that is none', { 'p.json': '{' }, /^p.json: is not JSON/ as unknown as string],
  [
    'a tab that is no page',
    { 'app.json': '{ "pages": ["p"], "tabBar": { "list": [{ "pagePath": "q" }] } }' },
    'app.json: the tab q is not among the pages',
  ],
  ['a script that does not parse', { 'p.js': 'Page({' }, /^p.js: / as unknown as string],
  ['a template that does not parse', { 'p.wxml': '<view a="{{ 1 + }}"/>' }, /^p.wxml:1:/ as unknown as string],
  ['a WXS file that is not there', { 'p.wxml': '<wxs module="m" src="./m.wxs"/>' }, 'm.wxs: there is no such file'],
  ['a style that does not parse', { 'p.wxss': '.a {' }, /^p.wxss: / as unknown as string],
])('%s is refused', (_, files, reason) => {
  expect(() => compile(project(files))).toThrow(reason)
})

test('the bundle is code that needs no eval', () => {
  const { code } = compile(project({ 'p.wxml': '<view wx:if="{{a.b}}">{{a.b + 1}}</view>' }))
  expect(code).not.toMatch(/\beval\(|new Function/)
  expect(code).toContain('export default')
})
