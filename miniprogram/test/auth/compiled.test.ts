import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createGuards } from '../../src/auth/guards'
import { outcome, settled } from '../support/fake-clock'
import { FakePopup, world } from './world'

/** What people write, given to the TypeScript compiler in both of its ways of decorating. */
const root = resolve(__dirname, '../..')
let folder: string

const header = `import type { Guards } from '${root}/src/auth/guards'\n`
const sources = {
  good: `${header}
    export const define = ({ mustAuth }: Guards) => {
      class Shop {
        bought: string[] = []
        @mustAuth({ need: ['PHONE'] })
        async buy(item: string, count: number): Promise<string> {
          this.bought.push(item)
          return item + count
        }
        @mustAuth()
        plain(item: string): void { this.bought.push(item) }
      }
      return Shop
    }`,
  badResult: `${header}
    export const define = ({ mustAuth }: Guards) => {
      class Shop { @mustAuth() price(): number { return 1 } }
      return Shop
    }`,
  badNeed: `${header}
    export const define = ({ mustAuth }: Guards) => {
      class Shop { @mustAuth({ need: ['ADDRESS'] }) async buy() {} }
      return Shop
    }`,
  page: `${header}
    export const define = ({ withAuth, authPage }: Guards) => {
      Page(authPage({
        data: { bought: 0 },
        onLoad(query: Record<string, string | undefined>) { this.load(query.id) },
        load(id: string | undefined) { return id },
        onBuy: withAuth(function (e: WechatMiniprogram.BaseEvent) {
          this.setData({ bought: e.timeStamp })
        }, { need: ['PHONE'] }),
      }, { onLoad: { need: ['PROFILE'] }, onShow: {} }))
      const buy: (item: string) => Promise<number | undefined> = withAuth(async (item: string) => item.length)
      // @ts-expect-error its arguments stay what they are
      buy(1)
      // @ts-expect-error an option that does not exist
      withAuth(() => {}, { needs: ['PHONE'] })
    }`,
}

function compile(name: keyof typeof sources, legacy = false) {
  const out = join(folder, legacy ? 'legacy' : 'tc39')
  const flags = `--ignoreConfig --target ES2018 --lib ES2018 --module ESNext --moduleResolution Bundler --strict
    --skipLibCheck --exactOptionalPropertyTypes --rootDir / --outDir ${out} --experimentalDecorators ${legacy}
    --types ${root}/node_modules/miniprogram-api-typings`
  const file = join(folder, `${name}.ts`)
  try {
    execFileSync(join(root, 'node_modules/.bin/tsc'), [...flags.split(/\s+/), file], { stdio: 'pipe' })
    return { out: join(out, folder, `${name}.js`), errors: '' }
  } catch (e) {
    return { out, errors: String((e as { stdout: Buffer }).stdout) }
  }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'guards-'))
  for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, `${name}.ts`), source)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const flavours: [string, boolean][] = [
  ['TC39', false],
  ['legacy TypeScript', true],
]

test.each(flavours)('@mustAuth, %s: asks, then runs the method with its this and arguments', async (_, legacy) => {
  const { out, errors } = compile('good', legacy)
  expect(errors).toBe('')
  const { define } = await import(/* @vite-ignore */ out)
  const w = world()
  const popup = new FakePopup(w, w.pages.top)
  const shop = new (define(createGuards(w.session)))()
  const calls = [shop.buy('tea', 2), shop.buy('tea', 2)]
  await settled()
  expect(popup.opened).toEqual([['PHONE']])
  expect(shop.bought).toEqual([])
  await popup.complete()
  expect(await Promise.all(calls)).toEqual(['tea2', 'tea2'])
  expect(shop.bought).toEqual(['tea'])
  const plain = shop.plain('cup')
  await settled()
  popup.close()
  expect(await outcome(plain)).toEqual({ value: undefined })
  expect(shop.bought).toEqual(['tea'])
})

test.each(flavours)(
  '@mustAuth, %s: is refused for what answers with no promise, and for facts that are none',
  (_, legacy) => {
    expect(compile('badResult', legacy).errors).toMatch(/error TS12(41|70): .*decorator/)
    expect(compile('badNeed', legacy).errors).toMatch(/error TS2322: Type '"ADDRESS"'/)
  },
)

// D13: an object literal takes no decorator.
test('withAuth and authPage stand in the literal of a page, with the types of the platform', () => {
  expect(compile('page').errors).toBe('')
})

test('@mustAuth on what is no method is a mistake', () => {
  const decorate = createGuards(world().session).mustAuth() as (...args: unknown[]) => unknown
  expect(() => decorate(undefined, { kind: 'field', name: 'a' })).toThrow('CONFIG')
  expect(() => decorate({}, 'a', {})).toThrow('CONFIG')
})
