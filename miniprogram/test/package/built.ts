import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the package. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Every file below a folder of the package, with slashes, from the root of the package. */
export function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => posix.join(folder, name.split('\\').join('/')))
    .filter((name) => statSync(join(root, name)).isFile())
    .sort()
}

export const read = (name: string): string => readFileSync(join(root, name), 'utf8')

const newest = (files: string[]) => Math.max(...files.map((name) => statSync(join(root, name)).mtimeMs))

/** Whatever `npm run build` made; it must be there, and of the present sources. */
export function built(folder: 'miniprogram_dist' | 'dist'): string[] {
  const sources = ['src', 'components', 'pages'].filter((name) => existsSync(join(root, name))).flatMap(filesIn)
  // The declarations are the last that a build writes.
  const made = existsSync(join(root, 'dist/types')) ? newest(filesIn('dist/types')) : 0
  if (made < newest([...sources, 'build.mjs']))
    throw new Error('the package is not built from these sources: npm run build')
  return filesIn(folder)
}

/** A built CommonJS file and all that it requires, each once. */
export function closure(file: string): string[] {
  const found = [file]
  for (const name of found) {
    for (const [, path] of read(name).matchAll(/\brequire\(["'`](\.[^"'`]+)["'`]\)/g)) {
      const required = posix.join(posix.dirname(name), path as string)
      if (!found.includes(required)) found.push(required)
    }
  }
  return found
}
