import { TmplGroup } from 'glass-easel-template-compiler'
import { posix } from 'node:path'
import { CompileError, type Project } from './project'

interface Complaint {
  isError: boolean
  level: string
  message: string
  path: string
  startLine: number
  startColumn: number
}

/**
 * Compiles the templates of the units, with what they import and include and their WXS, to one JavaScript
 * expression: an object with a function for each path. It may name `wrap`, through which events go.
 */
export function compileTemplates(project: Project, units: Iterable<string>, warn: (message: string) => void): string {
  const group = new TmplGroup()
  try {
    group.setExtraRuntimeScript('Q.C = wrap;')
    const done = new Set<string>()
    const waiting = [...units]
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      if (done.has(path)) continue
      done.add(path)
      for (const complaint of group.addTmpl(path, project.text(`${path}.wxml`)) as Complaint[]) {
        const { message, startLine, startColumn, level } = complaint
        const place = `${path}.wxml:${startLine + 1}:${startColumn + 1}`
        if (complaint.isError || level === 'Error' || level === 'Fatal') throw new CompileError(place, message)
        warn(`${place}: ${message}`)
      }
      waiting.push(...(group.getDirectDependencies(path) as string[]))
      addScripts(project, group, group.getScriptDependencies(path) as string[], new Set())
    }
    return group.getTmplGenObjectGroups()
  } finally {
    group.free()
  }
}

function addScripts(project: Project, group: TmplGroup, paths: string[], done: Set<string>) {
  for (const path of paths) {
    if (done.has(path)) continue
    done.add(path)
    const file = project.resolve(`/${path}`, '', ['', '.wxs'])
    if (!file) throw new CompileError(`${path}.wxs`, 'there is no such file')
    const source = project.text(file)
    group.addScript(path, source)
    // Scripts ask for each other when they run, by paths that the compiler does not follow.
    const asked = [...source.matchAll(/\brequire\(\s*["']([^"']+)["']\s*\)/g)].map((match) =>
      posix.join(posix.dirname(path), match[1]!),
    )
    addScripts(project, group, asked, done)
  }
}
