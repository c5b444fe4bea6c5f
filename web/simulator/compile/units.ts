import { posix } from 'node:path'
import type { AppConfig, TabItem, UnitConfig } from '../src/bundle'
import { CompileError, type Project } from './project'

export interface Units {
  app: AppConfig
  appId: string
  /** Pages and components by their path. */
  configs: Map<string, UnitConfig>
}

interface SubPackage {
  root: string
  pages: string[]
}

/** Reads app.json, and the JSON of every page and of every component that one of them uses. */
export function readUnits(project: Project): Units {
  const json = project.json('app.json')
  const packages = (json.subPackages ?? json.subpackages ?? []) as SubPackage[]
  const pages = [
    ...(json.pages as string[]),
    ...packages.flatMap((p) => p.pages.map((page) => posix.join(p.root, page))),
  ]
  if (pages.length === 0) throw new CompileError('app.json', 'names no page')
  const shared = references(project, 'app.json', json.usingComponents)
  const configs = new Map<string, UnitConfig>()
  const waiting = [...pages, ...Object.values(shared).map((path) => path.slice(1))]
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (configs.has(path)) continue
    const config = readUnit(project, path, shared)
    configs.set(path, config)
    waiting.push(...Object.values(config.usingComponents ?? {}).map((used) => used.slice(1)))
    for (const generic of Object.values(config.componentGenerics ?? {})) {
      if (generic !== true && generic.default) waiting.push(generic.default.slice(1))
    }
  }
  checkTabs(json.tabBar as AppConfig['tabBar'], pages)
  return { app: { ...(json as unknown as AppConfig), pages }, appId: appIdOf(project), configs }
}

function readUnit(project: Project, path: string, shared: Record<string, string>): UnitConfig {
  if (!project.has(`${path}.wxml`)) throw new CompileError(`${path}.wxml`, 'there is no such file')
  const file = `${path}.json`
  const json = (project.has(file) ? project.json(file) : {}) as UnitConfig
  const generics = Object.entries(json.componentGenerics ?? {}).map(([name, generic]) => [
    name,
    generic !== true && generic.default ? { default: reference(project, file, name, generic.default) } : generic,
  ])
  return {
    ...json,
    usingComponents: { ...shared, ...references(project, file, json.usingComponents) },
    ...(json.componentGenerics && { componentGenerics: Object.fromEntries(generics) }),
  }
}

function references(project: Project, file: string, used: unknown): Record<string, string> {
  const entries = Object.entries((used ?? {}) as Record<string, string>)
  return Object.fromEntries(entries.map(([name, id]) => [name, reference(project, file, name, id)]))
}

function reference(project: Project, file: string, name: string, id: string): string {
  const found = project.resolve(id, file, ['.wxml', '/index.wxml'])
  if (!found) throw new CompileError(file, `the component ${name} is not found at ${id}`)
  return `/${found.replace(/\.wxml$/, '')}`
}

function checkTabs(tabBar: { list: TabItem[] } | undefined, pages: string[]) {
  for (const { pagePath } of tabBar?.list ?? []) {
    if (!pages.includes(pagePath)) throw new CompileError('app.json', `the tab ${pagePath} is not among the pages`)
  }
}

function appIdOf(project: Project): string {
  return project.has('project.config.json') ? String(project.json('project.config.json').appid ?? '') : ''
}
