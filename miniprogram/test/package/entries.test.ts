import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { built, read, root } from './built'

built('dist')
const { exports: map, main, module, types, typesVersions } = JSON.parse(read('package.json'))
const entries = Object.keys(map).filter((name) => map[name].import)

/** The names that an entry has in Node, found as an app finds it: by the name of the package. */
function namesOf(load: string): Record<string, string[]> {
  const text = `(async () => {
    const names = {}
    for (const entry of ${JSON.stringify(entries)}) {
      const name = 'mpauth' + entry.slice(1)
      names[entry] = Object.keys(${load}).filter((one) => one !== 'default' && one !== 'module.exports').sort()
    }
    console.log(JSON.stringify(names))
  })()`
  return JSON.parse(execFileSync(process.execPath, ['-e', text], { cwd: root, encoding: 'utf8' }))
}

test('every entry has the same names by import and by require', () => {
  const required = namesOf('require(name)')
  expect(namesOf('await import(name)')).toEqual(required)
  for (const [entry, names] of Object.entries(required)) expect(names.length, entry).toBeGreaterThan(0)
})

describe('those who read no `exports` find the same', () => {
  test('the index', () => {
    expect([`./${main}`, `./${module}`, `./${types}`]).toEqual([
      map['.'].require.default,
      map['.'].import.default,
      map['.'].require.types,
    ])
  })

  test.each(entries.filter((name) => name !== '.'))('%s', (entry) => {
    const name = entry.slice(2)
    expect(typesVersions['*'][name]).toEqual([map[entry].require.types.slice(2)])
    // WeChat's npm build puts `miniprogram_dist` in the place of the package. What is for Node is not in it.
    expect(existsSync(join(root, 'miniprogram_dist', `${name}.js`))).toBe(name !== 'testing')
  })
})
