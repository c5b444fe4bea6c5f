import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { built, closure, read } from './built'

/** What a Mini Program pays for the core, at most, in bytes after gzip. */
const budget = 10 * 1024

const scripts = built('miniprogram_dist').filter((name) => name.endsWith('index.js'))
const gzipped = (files: string[]) => files.reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0)
const index = closure('miniprogram_dist/index.js')

test('the core fits its budget', () => {
  const rows = scripts.map((name) => {
    // A sub-entry and a component are what they add to the core.
    const files = closure(name).filter((one) => name === index[0] || !index.includes(one))
    return `${name.padEnd(52)} ${String(gzipped(files)).padStart(6)} B`
  })
  console.info(`after gzip; all but the first beside the first, budget ${budget} B\n${rows.join('\n')}`)
  expect(gzipped(index)).toBeLessThanOrEqual(budget)
})

test('the index is one file', () => {
  expect(index).toEqual(['miniprogram_dist/index.js'])
})
