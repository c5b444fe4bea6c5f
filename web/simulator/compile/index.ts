import { Project } from './project'
import { compileScripts, scriptOf } from './scripts'
import { compileStyles } from './styles'
import { compileTemplates } from './templates'
import { readUnits } from './units'

export { CompileError } from './project'

export interface CompileOptions {
  /** Where the files of npm packages are that DevTools would have put into `miniprogram_npm`. */
  packages?: Record<string, string>
  /** Takes what is odd but not wrong. */
  warn?: (message: string) => void
}

export interface Compiled {
  /** The text of an ES module whose default export is a Bundle. Pictures are imported with `?url`. */
  code: string
  /** The files that it was made of. */
  files: string[]
}

/** Compiles the Mini Program in a directory. Throws CompileError for what WeChat DevTools would refuse. */
export function compile(directory: string, options: CompileOptions = {}): Compiled {
  const project = new Project(directory, options.packages)
  const { app, appId, configs } = readUnits(project)
  const paths = [...configs.keys()]
  const scripts = compileScripts(project, [
    ...(project.has('app.ts') ? ['app.ts'] : ['app.js']),
    ...paths.map((path) => scriptOf(project, path)),
  ])
  const templates = compileTemplates(project, paths, options.warn ?? (() => {}))
  const styles = Object.fromEntries(
    ['app', ...paths]
      .filter((path) => project.has(`${path}.wxss`))
      .map((path) => [path, compileStyles(project, `${path}.wxss`)]),
  )
  const pictures = project.list(/\.(png|jpe?g|gif|svg|webp)$/i)
  const imports = pictures.map((path, i) => `import asset${i} from ${JSON.stringify(`${project.real(path)}?url`)}`)
  const assets = pictures.map((path, i) => `${JSON.stringify(`/${path}`)}: asset${i}`)
  const modules = [...scripts].map(([path, code]) => `${JSON.stringify(path)}: ${code}`)
  const code = `${imports.join('\n')}
export default {
app: ${JSON.stringify(app)},
appId: ${JSON.stringify(appId)},
themes: ${JSON.stringify(app.themeLocation ? project.json(app.themeLocation) : {})},
units: ${JSON.stringify(Object.fromEntries(configs))},
styles: ${JSON.stringify(styles)},
assets: {${assets.join(', ')}},
templates: (wrap) => ${templates},
modules: {${modules.join(',\n')}},
}
`
  return { code, files: [...project.read] }
}
