import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { filesIn, read } from './built'

/** The rooms of the house: which files they hold. The first that fits counts. */
const rooms: [string, RegExp][] = [
  ['entries', /^src\/(index|entries\/\w+)\.ts$/],
  ['wx', /^src\/wx\.ts$/],
  ['contract', /^src\/session\/types\.ts$/],
  ['auth-core', /^src\/request\/auth-core\.ts$/],
  ['protocol', /^src\/request\/(document|server-error)\.ts$/],
  ['gate', /^src\/auth\/must-auth\.ts$/],
  ['session', /^src\/session\//],
  ['account', /^src\/account\//],
  ['auth', /^src\/auth\//],
  ['request', /^src\/request\//],
  ['generated', /^src\/generated\//],
  ['testing', /^src\/testing\//],
  ['primitives', /^src\/[\w-]+\.ts$/],
  ['screen', /^(components|pages)\//],
]

/** Whom a room may import from, beside itself. What is not listed is not allowed. */
const arrows: Record<string, string[]> = {
  entries: [
    'wx',
    'contract',
    'auth-core',
    'protocol',
    'gate',
    'session',
    'auth',
    'request',
    'account',
    'testing',
    'primitives',
  ],
  // The platform is one object of an interface: it knows nobody's plans.
  wx: ['primitives'],
  primitives: [],
  contract: ['primitives'],
  // What is on the wire: documents, and errors in their answers.
  protocol: ['primitives'],
  generated: ['protocol'],
  // Both stand on the contract, so that the session can be made of them.
  'auth-core': ['contract', 'protocol', 'primitives'],
  gate: ['contract', 'auth', 'primitives'],
  session: ['contract', 'auth-core', 'upload', 'gate', 'primitives'],
  // Who guards or sends is handed a session, and never makes one.
  auth: ['contract', 'gate', 'primitives'],
  request: ['contract', 'auth-core', 'protocol', 'auth', 'generated', 'primitives'],
  // Stands on the client that sends, and on nothing behind it.
  account: ['contract', 'request', 'generated', 'primitives'],
  testing: ['primitives', 'contract'],
  // What draws finds the app's session by name.
  screen: ['contract', 'registry', 'auth', 'primitives'],
}

/** One file that a room may reach of a room that it may not. */
const doors: Record<string, RegExp> = {
  registry: /^src\/session\/registry\.ts$/,
  upload: /^src\/request\/upload\.ts$/,
}

const roomOf = (file: string) => rooms.find(([, files]) => files.test(file))?.[0]

/** Comments and the insides of a text do not name anything. */
const codeOf = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*$/gm, '')

function importsOf(file: string, text: string): { path: string; typeOnly: boolean }[] {
  const statement = /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'"]*?\bfrom\s+)?['"]([^'"]+)['"]/g
  return [...codeOf(text).matchAll(statement)].map(([, type, specifier = '']) => ({
    path: specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier,
    typeOnly: type !== undefined,
  }))
}

/** What breaks a rule, in words. */
function violations(files: Map<string, string>): string[] {
  const found: string[] = []
  for (const [file, text] of files) {
    const room = roomOf(file)
    if (!room) {
      found.push(`${file} is in no room`)
      continue
    }
    for (const { path, typeOnly } of importsOf(file, text)) {
      const target = [`${path}.ts`, `${path}/index.ts`].find((name) => files.has(name))
      if (!target) {
        // Types of others vanish; code of others would be a dependency.
        if (!typeOnly && room !== 'testing') found.push(`${file} imports ${path}, which is not ours`)
        continue
      }
      const other = roomOf(target) as string
      const allowed = arrows[room] ?? []
      if (other === room || allowed.includes(other) || allowed.some((one) => doors[one]?.test(target))) continue
      found.push(`${file} (${room}) imports ${target} (${other})`)
    }
    if (room !== 'wx' && room !== 'screen') {
      for (const [name] of codeOf(text).matchAll(
        /\bdeclare\s+(?:const|let|var|function)\s+(?:wx|getApp|getCurrentPages)\b/g,
      )) {
        found.push(`${file} goes to the platform by itself: ${name}`)
      }
    }
  }
  return found.concat(circles(files))
}

/** Files that need each other in order to start. Types alone make no circle. */
function circles(files: Map<string, string>): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const walk = (file: string, way: string[]) => {
    if (way.includes(file)) found.push(`a circle: ${[...way.slice(way.indexOf(file)), file].join(' → ')}`)
    if (way.includes(file) || done.has(file)) return
    for (const { path, typeOnly } of importsOf(file, files.get(file) ?? '')) {
      if (!typeOnly && files.has(`${path}.ts`)) walk(`${path}.ts`, [...way, file])
    }
    done.add(file)
  }
  for (const file of files.keys()) walk(file, [])
  return found
}

const files = new Map(
  ['src', 'components', 'pages']
    .flatMap(filesIn)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name, read(name)]),
)

test('arrows point down, nothing goes in circles, and only one file knows the platform', () => {
  expect(violations(files)).toEqual([])
})

describe('a violation of each rule is seen', () => {
  test.each([
    [
      'src/session/login.ts',
      "import { createRequest } from '../request/request'",
      '(session) imports src/request/request.ts',
    ],
    [
      'src/request/request.ts',
      "import { createSession } from '../session/session'",
      '(request) imports src/session/session.ts',
    ],
    [
      'src/request/auth-core.ts',
      "import { AuthGate } from '../auth/must-auth'",
      '(auth-core) imports src/auth/must-auth.ts',
    ],
    [
      'src/auth/guards.ts',
      "import { useSession } from '../session/registry'",
      '(auth) imports src/session/registry.ts',
    ],
    ['src/status.ts', "import { AuthGate } from './auth/must-auth'", '(primitives) imports src/auth/must-auth.ts'],
    ['src/wx.ts', "export { createSession } from './session/session'", '(wx) imports src/session/session.ts'],
    ['src/fuse.ts', "import { wechat } from './wx'", '(primitives) imports src/wx.ts'],
    ['components/auth-flow/index.ts', "import { createSession } from '../../src/session/session'", '(screen) imports'],
    ['src/texts.ts', "import { map } from 'lodash'", 'lodash, which is not ours'],
    ['src/texts.ts', 'declare const wx: { login(): void }', 'goes to the platform by itself'],
    ['src/platform/alipay/x.ts', '', 'is in no room'],
    ['src/errors.ts', "import { AuthStep } from './step'\nexport { Fuse } from './fuse'", 'a circle'],
  ])('%s: %s', (file, text, words) => {
    const targets = ['request/request', 'session/session', 'session/registry', 'auth/must-auth', 'wx', 'fuse', 'step']
    const house = new Map(targets.map((name) => [`src/${name}.ts`, '']))
    house.set('src/fuse.ts', "import { MpAuthError } from './errors'")
    expect(violations(house.set(file, text)).join('\n')).toContain(words)
  })

  test('a door is open for what stands in it', () => {
    const house = new Map([
      ['src/session/registry.ts', ''],
      ['components/x/index.ts', "import { findSession } from '../../src/session/registry'"],
    ])
    expect(violations(house)).toEqual([])
  })

  test('words in a comment import nothing', () => {
    expect(
      violations(
        new Map([
          ['src/fuse.ts', "// import { x } from './wx'\n/* import './wx' */"],
          ['src/wx.ts', ''],
        ]),
      ),
    ).toEqual([])
  })
})
