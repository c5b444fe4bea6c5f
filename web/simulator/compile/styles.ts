import postcss, { type AtRule, type Container, type Root, type Rule } from 'postcss'
import parseSelector from 'postcss-selector-parser'
import { hostMark, scopeMark } from '../src/bundle'
import { lengths } from '../src/lengths'
import { CompileError, type Project } from './project'

/**
 * Makes CSS of a WXSS file. The screen of the phone is a container of the browser's page, so lengths of the
 * screen (rpx, vw, vh) become those of the container, and so do media queries about its size. Dark mode
 * is an attribute of the page, because the phone may be dark in a light browser.
 */
export function compileStyles(project: Project, path: string): string {
  const root = inlined(project, path, [])
  root.walkDecls((declaration) => {
    declaration.value = lengths(declaration.value)
  })
  root.walkAtRules('media', media)
  root.walkRules((rule) => {
    if (!inKeyframes(rule)) rule.selector = selectors(rule.selector)
  })
  return root.toString()
}

function inlined(project: Project, path: string, above: string[]): Root {
  if (above.includes(path)) throw new CompileError(path, 'imports itself')
  let root: Root
  try {
    root = postcss.parse(project.text(path), { from: path })
  } catch (error) {
    throw error instanceof CompileError ? error : new CompileError(path, (error as Error).message)
  }
  root.walkAtRules('import', (rule) => {
    const id = /^(?:url\()?\s*["']?([^"')]+)/.exec(rule.params)?.[1] ?? ''
    const found = project.resolve(id, path, ['', '.wxss'])
    if (!found) throw new CompileError(path, `@import ${id}: there is no such file`)
    rule.replaceWith(...inlined(project, found, [...above, path]).nodes)
  })
  return root
}

function media(rule: AtRule) {
  const dark = /\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)/.exec(rule.params)
  if (dark) {
    const rest = rule.params
      .replace(dark[0], '')
      .replace(/\s+and\s+$|^\s*and\s+|^(screen|all)\s*(and)?\s*$/g, '')
      .trim()
    rule.walkRules((inner) => {
      if (!inKeyframes(inner)) inner.selector = inner.selectors.map((s) => themed(s.trim(), dark[1]!)).join(', ')
    })
    if (rest) rule.params = rest
    else rule.replaceWith(...rule.nodes!)
  } else if (/\b(width|height|orientation|aspect-ratio)\b/.test(rule.params)) {
    rule.name = 'container'
    rule.params = lengths(rule.params.replace(/^\s*(only\s+)?(screen|all)\s+and\s+/, ''))
  }
}

function themed(selector: string, theme: string): string {
  const page = `:where([data-theme="${theme}"])`
  return /^page\b/.test(selector) ? selector.replace(/^page/, `page${page}`) : `${page} ${selector}`
}

function inKeyframes(rule: Rule): boolean {
  for (let at: Container | undefined = rule.parent as Container; at; at = at.parent as Container | undefined) {
    if (at.type === 'atrule' && (at as unknown as AtRule).name.endsWith('keyframes')) return true
  }
  return false
}

const selectors = (selector: string) => processor.processSync(selector)

const processor = parseSelector((root) => {
  root.walkTags((tag) => {
    if (/^[a-z]/i.test(tag.value)) tag.value = `wx-${tag.value}`
  })
  root.walkClasses((name) => {
    name.value = scopeMark + name.value
  })
  root.walkPseudos((pseudo) => {
    if (pseudo.value !== ':host') return
    const attribute = `[wx-host="${hostMark}"]`
    const inner = pseudo.nodes.length > 0 ? pseudo.nodes.map(String).join(', ') : ''
    pseudo.replaceWith(parseSelector.string({ value: inner ? `${attribute}:is(${inner})` : attribute }))
  })
})
