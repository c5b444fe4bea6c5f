import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import type { CompileOptions } from '../../compile/index'
import { miniProgram } from '../../compile/plugin'

/** Builds the page of the tests with the Mini Program of a directory in it. What is odd about it is an error. */
export async function buildPage(program: string, into: string, options: CompileOptions = {}): Promise<void> {
  const odd: string[] = []
  await build({
    configFile: false,
    root: fileURLToPath(new URL('../page', import.meta.url)),
    logLevel: 'error',
    plugins: [miniProgram(program, { warn: (message) => odd.push(message), ...options })],
    build: { outDir: into, assetsInlineLimit: 0, modulePreload: false, target: 'es2022', emptyOutDir: true },
  })
  if (odd.length > 0) throw new Error(odd.join('\n'))
}
