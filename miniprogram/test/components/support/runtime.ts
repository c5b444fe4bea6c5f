import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Build } from './build'

/** A page of the tests: some components and what they are given. Its method `on` writes down each event that it gets. */
export interface Scene {
  readonly path: string
  readonly wxml: string
  readonly data: object
}

const scenes: Scene[] = []

/** Declares a scene and the data it begins with; before the tests run, since WeChat's compiler takes a whole project at once. */
export function scene(wxml: string, data: object = {}): Scene {
  const declared = { path: `scenes/s${scenes.length}/index`, wxml, data }
  scenes.push(declared)
  return declared
}

export interface Recorded {
  type: string
  // biome-ignore lint/suspicious/noExplicitAny: what an event carries is what the tests are about
  detail: any
}

/** As much of an element as both frameworks have. */
export interface Element {
  shadowRoot?: { querySelector(selector: string): Element | null; querySelectorAll(selector: string): Element[] }
  triggerEvent(name: string, detail: unknown, options: object): void
}

/** What one framework does for the tests. */
export interface Runtime {
  readonly name: string
  load(build: Build): void
  create(scene: Scene): {
    root: Element
    dom: HTMLElement
    attach(): void
    detach(): void
    page(event: 'show' | 'hide'): void
  }
  attr(element: Element, name: string): unknown
  textOf(element: Element): string
  // biome-ignore lint/suspicious/noExplicitAny: the methods of a component are its own
  instance(element: Element): any
}

/** A component or a native element on the screen. */
export class Node {
  constructor(
    private readonly runtime: Runtime,
    private readonly element: Element,
  ) {}

  // biome-ignore lint/suspicious/noExplicitAny: the methods of a component are its own
  get instance(): any {
    return this.runtime.instance(this.element)
  }

  get text(): string {
    return this.runtime.textOf(this.element).replace(/\s+/g, ' ').trim()
  }

  attr(name: string): unknown {
    return this.runtime.attr(this.element, name)
  }

  get disabled(): boolean {
    return isOn(this.attr('disabled'))
  }

  /** An element by its `#id` or `.class`; `>>>` goes into a component. */
  find(path: string): Node | null {
    let element: Element | null = this.element
    for (const selector of path.split('>>>')) {
      element = element?.shadowRoot?.querySelector(selector.trim()) ?? null
      if (!element) return null
    }
    return new Node(this.runtime, element)
  }

  get(path: string): Node {
    const node = this.find(path)
    if (!node) throw new Error(`no ${path}`)
    return node
  }

  /** What a person does; a disabled button does not notice. */
  tap(): void {
    if (!this.disabled) this.fire('tap', {})
  }

  /** What WeChat does: its events bubble and cross components, so that one that is not caught is seen twice. */
  fire(name: string, detail: unknown): void {
    this.element.triggerEvent(name, detail, { bubbles: true, composed: true, capturePhase: true })
  }
}

export function isOn(value: unknown): boolean {
  return value === true || value === '' || value === 'true'
}

/** A scene on the screen. */
export class Screen extends Node {
  readonly events: Recorded[] = []
  private over = false

  constructor(
    runtime: Runtime,
    private readonly created: ReturnType<Runtime['create']>,
    data: object,
  ) {
    super(runtime, created.root)
    this.instance.record = (event: Recorded) => this.events.push(event)
    if (Object.keys(data).length > 0) this.instance.setData(data)
    created.attach()
  }

  get html(): string {
    return this.created.dom.innerHTML
  }

  set(data: object): void {
    this.instance.setData(data)
  }

  pageShow(): void {
    this.created.page('show')
  }

  pageHide(): void {
    this.created.page('hide')
  }

  detach(): void {
    if (!this.over) this.created.detach()
    this.over = true
  }

  /** The details of the events of one name. */
  // biome-ignore lint/suspicious/noExplicitAny: what an event carries is what the tests are about
  of(type: string): any[] {
    return this.events.filter((event) => event.type === type).map((event) => event.detail)
  }
}

/** Writes the scenes into the build, as pages of the project. */
export function writeScenes(build: Build): void {
  const methods = '{ on(e) { this.record({ type: e.type, detail: e.detail }) } }'
  for (const { path, wxml, data } of scenes) {
    const file = join(build.root, path)
    mkdirSync(dirname(file), { recursive: true })
    const usingComponents = Object.fromEntries(Object.entries(build.tags).map(([tag, to]) => [tag, `/${to}`]))
    writeFileSync(`${file}.json`, JSON.stringify({ component: true, usingComponents }))
    writeFileSync(`${file}.wxml`, wxml)
    writeFileSync(`${file}.js`, `Component({ data: ${JSON.stringify(data)}, methods: ${methods} })`)
  }
}

interface ExparserNode extends Element {
  $$: HTMLElement
  _vt?: { attrs: { name: string; value: unknown }[] }
}

/** exparser, the framework of the WebView renderer, as miniprogram-simulate has it: WeChat's own template compiler. */
export function exparser(): Runtime {
  // biome-ignore lint/suspicious/noExplicitAny: an untyped library
  let simulate: any
  let project: Build
  const ids: Record<string, string> = {}
  const require = createRequire(import.meta.url)
  return {
    name: 'exparser',
    load(build) {
      project = build
      simulate = require('miniprogram-simulate')
    },
    create({ path }) {
      ids[path] ??= simulate.load(join(project.root, path), 'main', { rootPath: project.root })
      const root = simulate.render(ids[path])
      const dom = document.createElement('div')
      return {
        root: root._exparserNode,
        dom,
        attach: () => root.attach(dom),
        detach: () => root.detach(),
        page: (event) => root.triggerPageLifeTime(event),
      }
    },
    attr(element, name) {
      const camel = name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())
      return (element as ExparserNode)._vt?.attrs.find((attr) => attr.name === camel)?.value
    },
    textOf: (element) => (element as ExparserNode).$$.textContent ?? '',
    instance: (element) => require('miniprogram-exparser').Element.getMethodCaller(element),
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the library's own types do not survive being required
type Loose = any

/** glass-easel, the framework of Skyline, with the native tags of Mini Programs as elements of the page. */
export function glassEasel(): Runtime {
  const require = createRequire(import.meta.url)
  let space: Loose
  let backend: Loose
  return {
    name: 'glass-easel',
    load(build) {
      const adapter = require('glass-easel-miniprogram-adapter')
      const env = new adapter.MiniProgramEnv()
      space = env.createCodeSpace('', true)
      const paths = [...Object.values(build.tags), ...scenes.map(({ path }) => path)]
      for (const path of paths) {
        const file = join(build.root, path)
        const config = JSON.parse(readFileSync(`${file}.json`, 'utf8'))
        space.addComponentStaticConfig(path, config)
        space.addCompiledTemplate(path, compile(readFileSync(`${file}.wxml`, 'utf8'), path))
      }
      for (const path of paths) {
        const file = require.resolve(join(build.root, path))
        delete require.cache[file]
        space.globalComponentEnv(globalThis, path, () => require(file))
      }
      backend = env.associateBackend()
    },
    create({ path }) {
      const root = backend.createRoot('body', space, path)
      const dom = document.createElement('div')
      const place = document.createElement('div')
      dom.appendChild(place)
      return {
        root: root.getComponent(),
        dom,
        attach: () => root.attach(dom, place),
        detach: () => root.release(),
        page: (event) => root.getComponent().triggerPageLifetime(event, []),
      }
    },
    attr: (element, name) => (element as Loose).getBackendElement().getAttribute(name) ?? undefined,
    textOf: (element) => (element as Loose).getBackendElement().textContent ?? '',
    instance: (element) => (element as Loose).getMethodCaller(),
  }

  /** Compiles a template; what the compiler only warns of is an error here: it leaves out what it does not know. */
  function compile(wxml: string, path: string) {
    const { TmplGroup } = require('glass-easel-template-compiler')
    const group = new TmplGroup()
    const warnings = group.addTmpl(path, wxml)
    if (warnings.length > 0) throw new Error(`${path}.wxml: ${JSON.stringify(warnings.map(String))}`)
    const groupList = new Function(`return ${group.getTmplGenObjectGroups()}`)()
    group.free()
    return { groupList, content: groupList[path] }
  }
}
