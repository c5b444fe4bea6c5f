import { transformSync } from 'esbuild'
import { provided, withheld } from '../src/bundle'
import { CompileError, type Project } from './project'

const required = /\brequire\(\s*(["'])([^"'\n]+)\1\s*\)/g

/**
 * Makes each file that can be reached from `entries` a CommonJS module, as DevTools does. The answer is
 * the text of a function for each path. What is required is named by its path already; a name that leads
 * nowhere is left as it is and fails when the code gets there.
 */
export function compileScripts(project: Project, entries: string[]): Map<string, string> {
  const modules = new Map<string, string>()
  const waiting = [...entries]
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (modules.has(path)) continue
    const file = path
    const code = toCommonJS(project, file).replace(required, (whole, quote: string, id: string) => {
      const found = resolveScript(project, id, file)
      if (!found) return whole
      waiting.push(found)
      return `require(${quote}/${found}${quote})`
    })
    modules.set(path, wrapped(code))
  }
  return modules
}

/** The script of a page or component. */
export function scriptOf(project: Project, unit: string): string {
  const found = project.resolve(`/${unit}`, unit, ['.js', '.ts'])
  if (!found) throw new CompileError(`${unit}.js`, 'there is no such file')
  return found
}

function resolveScript(project: Project, id: string, from: string): string | undefined {
  return project.resolve(id, from, ['', '.js', '.ts', '/index.js']) ?? mainOf(project, id, from)
}

function mainOf(project: Project, id: string, from: string): string | undefined {
  const manifest = project.resolve(id, from, ['/package.json'])
  if (!manifest) return undefined
  const main = String(project.json(manifest).main ?? 'index.js')
  return project.resolve(`./${main}`, manifest, ['', '.js', '/index.js'])
}

function toCommonJS(project: Project, path: string): string {
  const source = project.text(path)
  if (path.endsWith('.json')) return `module.exports = ${source}`
  try {
    return transformSync(source, {
      format: 'cjs',
      target: 'es2022',
      loader: path.endsWith('.ts') ? 'ts' : 'js',
      sourcefile: path,
      legalComments: 'inline',
    }).code
  } catch (error) {
    throw new CompileError(path, (error as Error).message)
  }
}

function wrapped(code: string): string {
  const names = ['require', 'module', 'exports', ...provided]
  // Declared by var and not taken as parameters: a file may declare the same name for itself.
  const shadows = withheld.filter((name) => !new RegExp(`\\b(?:const|let|class|function)\\s+${name}\\b`).test(code))
  return `function (${names.join(', ')}) {\nvar ${shadows.join(', ')}\n${code}\n}`
}
