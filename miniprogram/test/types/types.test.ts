import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generate } from '@graphql-codegen/cli'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const here = fileURLToPath(new URL('.', import.meta.url))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

/** What the compiler says, one line for each error. */
function compile(): string[] {
  try {
    execFileSync(process.execPath, [tsc, '-p', here, '--pretty', 'false'], { cwd: here, encoding: 'utf8' })
    return []
  } catch (e) {
    return (e as { stdout: string }).stdout.trim().split('\n')
  }
}

describe('the types', () => {
  let errors: string[] = []

  beforeAll(async () => {
    rmSync(`${here}made`, { recursive: true, force: true })
    mkdirSync(`${here}made`)
    // What an app's own GraphQL Code Generator makes, in both of its modes.
    const plugins = ['typescript-operations', 'typed-document-node']
    const files = await generate(
      {
        cwd: here,
        silent: true,
        schema: '../../../schema/*.graphql',
        documents: 'operations.graphql',
        generates: {
          'made/strings.ts': { plugins, config: { useTypeImports: true, documentMode: 'string' } },
          'made/nodes.ts': { plugins, config: { useTypeImports: true } },
        },
      },
      false,
    )
    for (const { filename, content } of files) writeFileSync(join(here, filename), content)
    errors = compile()
  })

  afterAll(() => rmSync(`${here}made`, { recursive: true, force: true }))

  test('take what an app writes', () => {
    expect(errors.filter((error) => !error.startsWith('refused.ts'))).toEqual([])
  })

  test('refuse what cannot work', () => {
    expect(errors.filter((error) => error.startsWith('refused.ts'))).toEqual([])
    const expected = readFileSync(`${here}refused.ts`, 'utf8').match(/^\s*\/\/ @ts-expect-error \S/gm)
    expect(expected?.length).toBeGreaterThan(25)
  })
})
