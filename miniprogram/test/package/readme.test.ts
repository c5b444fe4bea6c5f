import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const work = mkdtempSync(join(tmpdir(), 'mpauth-readme-'))
const read = (path: string) => readFileSync(join(root, path), 'utf8')

interface Block {
  language: string
  text: string
  /** What stands in a comment before the block: a file that has the very same text, or `compiles`. */
  mark: string | undefined
}

function blocksOf(readme: string): Block[] {
  const found = read(readme).matchAll(/(?:<!-- (\S+) -->\n\n)?```(\w+)\n([\s\S]*?)```/g)
  return [...found].map(([, mark, language = '', text = '']) => ({ mark, language, text }))
}

/** The names in backticks of a table's row, with what stands behind a name dropped: `close {reason}` is `close`. */
function namesIn(row: string): string[] {
  return [...row.matchAll(/`([\w-]+)[^`]*`/g)].map((match) => match[1] as string)
}

/** The row of a component's table, by its place: properties, events, slots, methods. */
function rowOf(readme: string, component: string, place: number): string {
  const [, section = ''] = read(readme).split(`### ${component}\n`)
  return (section.split('\n').filter((line) => line.startsWith('| '))[place + 2] ?? '').replace(/^\|[^|]*\|/, '')
}

const components = ['auth-popup', 'auth-flow', 'user-container', 'phone-container', 'privacy-popup', 'pages/auth']
const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** What a component declares, read from its source. */
function declared(component: string) {
  const directory = component.includes('/') ? component : `components/${component}`
  const source = read(`${directory}/index.ts`)
  const [, properties = ''] = /\n {2}properties: \{\n([\s\S]*?)\n {2}\},/.exec(source) ?? []
  const names = (pattern: RegExp, text: string) => [...text.matchAll(pattern)].map((match) => match[1] as string)
  return {
    properties: names(/^ {4}(\w+):/gm, properties).map(kebab),
    events: [...new Set(names(/triggerEvent\('(\w+)'/g, source))],
    slots: [...new Set(names(/<slot(?! name="\{)[^>]* name="(\w+)"/g, read(`${directory}/index.wxml`)))],
  }
}

afterAll(() => rmSync(work, { recursive: true, force: true }))

describe.each(['README.md', 'README.zh-CN.md'])('%s', (readme) => {
  const blocks = blocksOf(readme)

  it('shows no code that nothing vouches for', () => {
    const loose = blocks.filter(
      ({ mark, language, text }) => !mark && language !== 'sh' && !text.startsWith('// before'),
    )
    expect(loose).toEqual([])
    expect(blocks.length).toBeGreaterThan(15)
  })

  it('quotes the demo word for word', () => {
    for (const { mark, text } of blocks.filter((block) => block.mark?.startsWith('demo/'))) {
      expect(read(mark as string), mark).toContain(text)
    }
  })

  it('compiles where it goes beyond the demo', () => {
    const names = ['createGuards', 'createRequest', 'useSession']
    const header = `import { type Session, useSession } from 'mpauth'
import type { GraphQL } from 'mpauth/graphql'
import { createGuards } from 'mpauth/guards'
import { createRequest } from 'mpauth/request'
declare const session: Session
declare const graphql: GraphQL
export const used = [${names.join(', ')}, session, graphql]
`
    const files = blocks
      .filter(({ mark }) => mark === 'compiles')
      .map(({ text }, n) => {
        writeFileSync(join(work, `${n}.ts`), header + text)
        return `${n}.ts`
      })
    expect(files.length).toBeGreaterThan(3)
    const paths = { mpauth: [join(root, 'src/index.ts')], 'mpauth/*': [join(root, 'src/entries/*.ts')] }
    const compilerOptions = { paths, noUnusedLocals: false, rootDir: '/' }
    // fly.js has no types for the file that Mini Programs import.
    writeFileSync(join(work, 'fly.d.ts'), `declare module 'flyio/dist/npm/wx'`)
    const tsconfig = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions,
      include: [],
      files: [...files, 'fly.d.ts'],
    }
    writeFileSync(join(work, 'tsconfig.json'), JSON.stringify(tsconfig))
    expect(tsc(work)).toBe('')
  })

  it('lists members of the session that there are', () => {
    const types = read('src/session/types.ts')
    const [, section = ''] = types.split('export interface Session<')
    const [, table = ''] = /\n\| [^\n]*\n\| --- \| --- \|\n([\s\S]*?)\n\n/.exec(read(readme)) ?? []
    const names = table.split('\n').flatMap((row) => namesIn(row.split(' | ')[0] as string))
    expect(names).toContain('ensureLogin')
    for (const name of names) expect(section).toMatch(new RegExp(`\\b${name}[(:]|readonly ${name}:`))
  })

  it.each(components)('lists the properties, events and slots of %s', (component) => {
    const { properties, events, slots } = declared(component)
    const everywhere = ['lang', 'text', 'session']
    const has = (place: number, names: string[]) =>
      expect(namesIn(rowOf(readme, component, place))).toEqual(expect.arrayContaining(names))
    has(
      0,
      properties.filter((name) => !everywhere.includes(name)),
    )
    has(1, events)
    if (component !== 'auth-popup') has(2, slots)
    const known = [...properties, 'quick', 'realtime', 'form', 'avatar', 'legacy', 'auto', 'couple', 'none', 'true']
    expect(namesIn(rowOf(readme, component, 0)).filter((name) => !known.includes(name))).toEqual([])
    expect(namesIn(rowOf(readme, component, 1)).filter((name) => !events.includes(name) && name !== 'iv')).toEqual([])
  })

  it('names codes that there are', () => {
    const known = [...read('src/errors.ts').matchAll(/^ {2}\| '(\w+)'/gm)].map((match) => match[1])
    const codes = [...read(readme).matchAll(/`([A-Z]+_[A-Z_]+)`/g)].map((match) => match[1] as string)
    expect(codes.length).toBeGreaterThan(20)
    expect(codes.filter((code) => !known.includes(code) && code !== 'MPAUTH_FLOW')).toEqual([])
  })

  it('shows pictures that there are, and all of them', () => {
    const shown = [...read(readme).matchAll(/<img src="images\/([\w-]+\.png)" width="\d+" alt="[^"]+">/g)]
    expect(shown.map((match) => match[1]).sort()).toEqual(readdirSync(join(root, 'images')).sort())
  })

  it('lists the variables of the theme', () => {
    const variables = (text: string) => [...new Set(text.match(/--mpauth-[a-z][a-z-]*/g))].sort()
    expect(variables(read(readme))).toEqual(variables(read('components/shared/theme.wxss')))
  })
})

it('says the same in both languages', () => {
  const marks = (readme: string) => blocksOf(readme).map(({ mark, language }) => mark ?? language)
  expect(marks('README.zh-CN.md')).toEqual(marks('README.md'))
  const rows = (readme: string) => read(readme).match(/^\|.*\|$/gm)?.length
  expect(rows('README.zh-CN.md')).toBe(rows('README.md'))
})

function tsc(directory: string): string {
  try {
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: directory, encoding: 'utf8' })
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}
