import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type AsyncDecorator, type AsyncMethod, fuseLine, singleQueue } from '../../src/decorators'
import { FakeClock, outcome } from '../support/fake-clock'

type Apply = (decorators: AsyncDecorator[], method: AsyncMethod) => AsyncMethod

/** The two ways in which compilers call decorators; the last one listed is next to the method. */
const flavours: [string, Apply][] = [
  [
    'TC39',
    (decorators, method) =>
      decorators.reduceRight((inner, decorate) => {
        const context = { kind: 'method', name: 'load', static: false, private: false }
        return decorate(inner, context as unknown as ClassMethodDecoratorContext)
      }, method),
  ],
  [
    'legacy TypeScript',
    (decorators, method) => {
      const descriptor = { value: method, writable: true, configurable: true, enumerable: false }
      const prototype = {}
      for (const decorate of [...decorators].reverse()) {
        const returned: unknown = decorate(prototype, 'load', descriptor)
        expect(returned).toBeUndefined()
      }
      return descriptor.value
    },
  ],
]

let clock: FakeClock
beforeEach(() => {
  clock = new FakeClock()
})

/** A class with a method `load(a, b)` that these decorators are on. */
function classWith(apply: Apply, ...decorators: AsyncDecorator[]) {
  const ran = vi.fn()
  class Shop {
    constructor(readonly city: string) {}
    declare load: (a?: number, b?: number) => Promise<string>
  }
  Shop.prototype.load = apply(decorators, async function (this: Shop, a: number, b: number) {
    ran(a, b)
    await Promise.resolve()
    return `${this.city} ${a} ${b}`
  }) as Shop['load']
  return { Shop, ran }
}

describe.each(flavours)('%s', (_, apply) => {
  test('singleQueue: one call at a time, with its `this` and its arguments', async () => {
    const { Shop, ran } = classWith(apply, singleQueue())
    const shop = new Shop('Xi’an')
    expect(await Promise.all([shop.load(1, 2), shop.load(1, 2)])).toEqual(['Xi’an 1 2', 'Xi’an 1 2'])
    expect(ran.mock.calls).toEqual([[1, 2]])
    await shop.load(3, 4)
    expect(ran.mock.calls).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  test('singleQueue: each object has a queue of its own', async () => {
    const { Shop } = classWith(apply, singleQueue())
    expect(await Promise.all([new Shop('A').load(1, 2), new Shop('B').load(1, 2)])).toEqual(['A 1 2', 'B 1 2'])
  })

  test('singleQueue: more waiters than it holds are rejected, by the name of the method', async () => {
    const { Shop } = classWith(apply, singleQueue({ maxQueue: 1 }))
    const shop = new Shop('A')
    const calls = [shop.load(), shop.load(), shop.load()]
    expect(await outcome(calls[2] as Promise<string>)).toMatchObject({
      error: { code: 'QUEUE_OVERFLOW', message: 'QUEUE_OVERFLOW: load' },
    })
    expect(await Promise.all(calls.slice(0, 2))).toHaveLength(2)
  })

  test('fuseLine: refuses the fourth call in a row by rejecting, for each object', async () => {
    const { Shop, ran } = classWith(apply, fuseLine({ now: clock.now }))
    const shop = new Shop('A')
    for (let i = 0; i < 3; i++) expect(await shop.load(i, i)).toBe(`A ${i} ${i}`)
    expect(await outcome(shop.load(4, 4))).toMatchObject({ error: { code: 'FUSE_OPEN', retryAfterMs: 5000 } })
    expect(ran).toHaveBeenCalledTimes(3)
    expect(await new Shop('B').load(1, 1)).toBe('B 1 1')
    await clock.advance(5000)
    expect(await shop.load(5, 5)).toBe('A 5 5')
  })

  test('singleQueue outside, fuseLine inside: only what runs counts, not who waits (D2)', async () => {
    const { Shop, ran } = classWith(apply, singleQueue(), fuseLine({ now: clock.now }))
    const shop = new Shop('A')
    expect(await Promise.all(Array.from({ length: 50 }, () => shop.load(1, 1)))).toEqual(Array(50).fill('A 1 1'))
    expect(ran).toHaveBeenCalledOnce()
    await shop.load()
    await shop.load()
    expect(await outcome(shop.load())).toMatchObject({ error: { code: 'FUSE_OPEN' } })
  })
})

describe('proxy', () => {
  test.each([
    ['singleQueue', singleQueue()],
    ['fuseLine', fuseLine()],
  ])('%s passes arguments and `this` on (D15)', async (_, decorator) => {
    const shop = {
      city: 'A',
      load: decorator.proxy(async function (this: { city: string }, a: number, b: number) {
        return [this.city, a, b]
      }),
    }
    expect(await shop.load(1, 2)).toEqual(['A', 1, 2])
  })

  test('calls of a plain function are one', async () => {
    const load = vi.fn(async (id: number) => id)
    const merged = singleQueue().proxy(load)
    expect(await Promise.all([merged(1), merged(1)])).toEqual([1, 1])
    expect(load.mock.calls).toEqual([[1]])
  })

  test('calls as a method are one for each object', async () => {
    const load = singleQueue().proxy(async function (this: { id: number }) {
      return this.id
    })
    const [a, b] = [
      { id: 1, load },
      { id: 2, load },
    ]
    expect(await Promise.all([a.load(), b.load(), a.load()])).toEqual([1, 2, 1])
  })

  test('one decorator may wrap several functions: they share nothing', async () => {
    const decorator = fuseLine({ maxTries: 1, now: clock.now })
    const [a, b] = [decorator.proxy(async () => 'a'), decorator.proxy(async () => 'b')]
    expect([await a(), await b()]).toEqual(['a', 'b'])
    expect(await outcome(a())).toMatchObject({ error: { code: 'FUSE_OPEN' } })
  })

  test('what throws before it has a promise rejects', async () => {
    const error = new Error('a mistake')
    const fn = (): Promise<void> => {
      throw error
    }
    expect(await outcome(singleQueue().proxy(fn)())).toEqual({ error })
    expect(await outcome(fuseLine().proxy(fn)())).toEqual({ error })
  })
})

/** What people write, given to the TypeScript compiler in both of its ways, and run. */
describe('as compiled by TypeScript', () => {
  const root = resolve(__dirname, '../..')
  let folder: string
  const source = (lines: string) => `
    import { fuseLine, singleQueue } from '${root}/src/decorators'
    export class Shop {
      ran = 0
      ${lines}
    }`
  const good = source(`
      @singleQueue({ maxQueue: 5 })
      @fuseLine({ maxTries: 1 })
      async load(id: number): Promise<string> { this.ran++; return this.constructor.name + id }

      @singleQueue()
      static async all(id: number): Promise<number> { return id }`)
  const bad = source(`
      @singleQueue() plain(): number { return 1 }`)

  const compile = (file: string, legacy: boolean) => {
    const out = join(folder, legacy ? 'legacy' : 'tc39')
    const flags = `--ignoreConfig --target ES2018 --lib ES2018 --module ESNext --moduleResolution Bundler --strict
      --skipLibCheck --rootDir / --outDir ${out} --experimentalDecorators ${legacy}`
    try {
      execFileSync(join(root, 'node_modules/.bin/tsc'), [...flags.split(/\s+/), join(folder, file)], { stdio: 'pipe' })
      return { out: join(out, folder, file.replace('.ts', '.js')), errors: '' }
    } catch (e) {
      return { out, errors: String((e as { stdout: Buffer }).stdout) }
    }
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'decorators-'))
    writeFileSync(join(folder, 'good.ts'), good)
    writeFileSync(join(folder, 'bad.ts'), bad)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each([
    ['TC39', false],
    ['legacy', true],
  ])('%s: compiles and works', async (_, legacy) => {
    const { out, errors } = compile('good.ts', legacy)
    expect(errors).toBe('')
    const { Shop } = await import(/* @vite-ignore */ out)
    const shop = new Shop()
    expect(await Promise.all([shop.load(1), shop.load(1)])).toEqual(['Shop1', 'Shop1'])
    expect(shop.ran).toBe(1)
    expect(await outcome(shop.load(1))).toMatchObject({ error: { code: 'FUSE_OPEN', message: 'FUSE_OPEN: load' } })
    expect(await new Shop().load(2)).toBe('Shop2')
    expect(await Shop.all(3)).toBe(3)
  })

  test.each([
    ['TC39', false],
    ['legacy', true],
  ])('%s: a method that does not answer with a promise is refused', (_, legacy) => {
    expect(compile('bad.ts', legacy).errors).toMatch(/bad\.ts.*error TS/)
  })
})
