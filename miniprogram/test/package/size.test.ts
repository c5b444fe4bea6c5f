import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { built, closure, read } from './built'

/** What a Mini Program pays for the core, at most, and for the core with what most apps add; in bytes after gzip. */
const budget = 10 * 1024
const usualBudget = 15 * 1024

const scripts = built('miniprogram_dist').filter((name) => /\.js$/.test(name) && !/\/shared\//.test(name))
const gzipped = (files: string[]) => files.reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0)
const index = closure('miniprogram_dist/index.js')
const texts = closure('miniprogram_dist/texts.js')

/** What a file adds to an app that has the core; components show words, so these are not counted again either. */
function added(name: string): string[] {
  const there = [index, /components|pages/.test(name) ? texts : []].flat()
  return closure(name).filter((one) => !there.includes(one))
}

test('the core fits its budget', () => {
  const rows = scripts.map((name) => {
    const size = gzipped(name === index[0] ? index : added(name))
    return `${name.padEnd(52)} ${String(size).padStart(6)} B`
  })
  console.info(
    `after gzip; all but the index beside what it stands on, budget of the index ${budget} B\n${rows.join('\n')}`,
  )
  expect(gzipped(index)).toBeLessThanOrEqual(budget)
})

test('the core fits its budget with the GraphQL client and the guards', () => {
  const usual = new Set(['index', 'graphql', 'guards'].flatMap((name) => closure(`miniprogram_dist/${name}.js`)))
  console.info(`core + graphql + guards: ${gzipped([...usual])} B after gzip, budget ${usualBudget} B`)
  expect(gzipped([...usual])).toBeLessThanOrEqual(usualBudget)
})

test('the index is one file', () => {
  expect(index).toEqual(['miniprogram_dist/index.js'])
})

test('the READMEs say the budgets', () => {
  for (const name of ['README.md', 'README.zh-CN.md']) {
    const said = [...read(name).matchAll(/gzip[^.。;；]*?(\d+) KB|(\d+) KB gzip/g)].map(
      ([, after, before]) => after ?? before,
    )
    expect(said, name).toEqual([budget, usualBudget].map((bytes) => String(bytes / 1024)))
  }
})
