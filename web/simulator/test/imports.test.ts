import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../src', import.meta.url))
const imported = /^(?:import|export)\s(?:[^'"]*\sfrom\s+)?['"](\.[^'"]+)['"]/gm

/** The files of a directory, with those that each of them imports, be it only for their types. */
function imports(directory: string): Map<string, string[]> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name))
  const found = (path: string) => [path, `${path}.ts`, join(path, 'index.ts')].find((file) => files.includes(file))
  const of = (file: string) =>
    [...readFileSync(file, 'utf8').matchAll(imported)].flatMap(([, id]) => found(resolve(dirname(file), id!)) ?? [])
  return new Map(files.map((file) => [file, of(file)]))
}

/** The first way from a file back to itself; empty where there is none. */
function circle(graph: Map<string, string[]>): string[] {
  const done = new Set<string>()
  const visit = (file: string, above: string[]): string[] => {
    const at = above.indexOf(file)
    if (at >= 0) return [...above.slice(at), file]
    if (done.has(file)) return []
    for (const next of graph.get(file) ?? []) {
      const way = visit(next, [...above, file])
      if (way.length > 0) return way
    }
    done.add(file)
    return []
  }
  for (const file of graph.keys()) {
    const way = visit(file, [])
    if (way.length > 0) return way
  }
  return []
}

test('no file of the phone imports itself by way of others', () => {
  const graph = imports(root)
  expect([...graph.values()].flat().length).toBeGreaterThan(100) // they are found at all
  expect(circle(graph).map((file) => relative(root, file))).toEqual([])
})

test('a circle is found where there is one', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', []],
    ['d', ['b']],
  ])
  expect(circle(graph)).toEqual(['b', 'd', 'b'])
})
