import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { built, read, root } from './built'
import { scan } from './free-variables'

/** What a Mini Program has: its own, a few of a browser's, and the language of 2018 without what makes code of text. */
const there = new Set(
  [
    'wx getApp getCurrentPages Page Component Behavior require module exports',
    'console setTimeout clearTimeout',
    'Array ArrayBuffer Boolean DataView Date Error Infinity JSON Map Math NaN Number Object Promise RangeError Reflect',
    'RegExp Set String Symbol SyntaxError TypeError Uint8Array WeakMap WeakSet decodeURIComponent encodeURIComponent',
    'isFinite isNaN parseFloat parseInt undefined',
  ].flatMap((line) => line.split(' ')),
)
/** The core sees the platform only; what draws on the screen is for components and pages. */
const screenOnly = ['Page', 'Component', 'Behavior']

const scripts = built('miniprogram_dist').filter((name) => name.endsWith('.js'))
const load = createRequire(import.meta.url)

describe.each(scripts)('%s', (name) => {
  const { free, required, taken } = scan(read(name))
  const native = /^miniprogram_dist\/(components|pages)\//.test(name)

  test('uses nothing that a Mini Program lacks', () => {
    const lacking = [...free.keys()].filter((one) => !there.has(one) || (!native && screenOnly.includes(one)))
    expect(lacking).toEqual([])
  })

  test('requires files of the package, by literals', () => {
    for (const path of required) expect(path).toMatch(/^\.\.?\/[\w./-]+\.js$/)
  })

  test('takes from other files what they export', () => {
    const missing = taken.filter(([path, one]) => !(one in load(join(root, dirname(name), path))))
    expect(missing).toEqual([])
  })
})

test('the platform is asked in one place: an entry beside the index never names it', () => {
  for (const name of scripts.filter((one) =>
    /^miniprogram_dist\/(fly|graphql|guards|log|request|texts)\.js$/.test(one),
  )) {
    expect([...scan(read(name)).free.keys()]).not.toContain('wx')
  }
})
