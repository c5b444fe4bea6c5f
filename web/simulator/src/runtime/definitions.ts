import { component, glassEasel, MiniProgramEnv } from 'glass-easel-miniprogram-adapter'
import type { CodeSpace } from 'glass-easel-miniprogram-adapter'
import { type Bundle, hostMark, scopeMark, type UnitConfig } from '../bundle'
import { wrapEvent } from './events'

type Definition = Record<string, unknown>

// Selectors of ids and references of ARIA need the ids in the document.
glassEasel.globalOptions.writeIdToDOM = true

const { setData } = component.ComponentCaller.prototype

// What a program sets travels to another thread as JSON in WeChat, so nothing else must arrive here.
component.ComponentCaller.prototype.setData = function (data: Definition, callback?: () => void) {
  if (typeof data !== 'object' || data === null) throw new TypeError('setData: Data must be an object.')
  setData.call(this, roundTrip(data) as never, callback)
}

function roundTrip(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

/** The pages, components and behaviours that the files of a program define. */
export class Definitions {
  readonly env = new MiniProgramEnv()
  readonly space: CodeSpace
  /** The constructors as the files of the program see them. */
  readonly Page = (definition: Definition) => this.#page(definition)
  readonly Component = (definition: Definition) => this.#component(definition)
  readonly Behavior = (definition: Definition) => this.#behavior(definition)
  readonly #bundle: Bundle
  readonly #templates: Record<string, unknown>
  readonly #scopes = new Map<string, string>()
  readonly #sheets = new Map<string, CSSStyleSheet>()
  readonly #fields: Map<string, unknown>
  #current: string | undefined

  /**
   * `builtIn` defines the components that come with WeChat; `attached` hears of each component of the
   * program that has been attached.
   */
  constructor(
    bundle: Bundle,
    builtIn: (space: glassEasel.ComponentSpace) => void,
    attached: (component: glassEasel.GeneralComponent) => void,
  ) {
    this.#bundle = bundle
    this.space = this.env.createCodeSpace('main', true)
    builtIn(this.space.getComponentSpace())
    this.#templates = bundle.templates(wrapEvent)
    const watcher = this.space
      .getComponentSpace()
      .define()
      .lifetime('attached', function () {
        attached((this as unknown as { _$: glassEasel.GeneralComponent })._$)
      })
    this.space.setOverallBehavior(watcher.registerBehavior() as unknown as glassEasel.GeneralBehavior)
    this.#fields = new Map<string, unknown>([
      [
        'wx://form-field',
        this.space
          .behavior()
          .definition({ properties: { name: String, value: null } })
          .register(),
      ],
      ['wx://form-field-group', this.space.behavior().register()],
      ['wx://form-field-button', this.space.behavior().register()],
      ['wx://component-export', this.space.behavior().register()],
    ])
  }

  /** Whether a component takes part in forms by the behaviour that WeChat has for it. */
  isField(component: unknown): boolean {
    const field = this.#fields.get('wx://form-field') as { _$: glassEasel.GeneralBehavior }
    const { hasBehavior } = component as { hasBehavior?: (behavior: unknown) => boolean }
    return hasBehavior?.call(component, field._$) ?? false
  }

  /** Runs the file of a page or component, which defines it by one of the constructors. */
  define(path: string, run: () => void) {
    this.#current = path
    try {
      run()
    } finally {
      this.#current = undefined
    }
    if (!this.#scopes.has(path)) throw new Error(`${path}.js has not called Page or Component`)
  }

  /** The style sheet of a page or component, or `app`. */
  sheet(path: string): CSSStyleSheet {
    const known = this.#sheets.get(path)
    if (known) return known
    const scope = this.#scopes.get(path) ?? ''
    const sheet = new CSSStyleSheet()
    const text = this.#bundle.styles[path] ?? ''
    sheet.replaceSync(text.replaceAll(scopeMark, scope && `${scope}--`).replaceAll(hostMark, scope))
    this.#sheets.set(path, sheet)
    return sheet
  }

  #page(definition: Definition) {
    const path = this.#begin('Page', {})
    const { data, behaviors, ...rest } = definition
    this.space
      .component(path)
      .pageDefinition({ ...rest, data: roundTrip(data ?? {}) as never, behaviors: this.#behaviors(behaviors) as never })
      .register()
  }

  #component(definition: Definition) {
    const path = this.#begin('Component', (definition.options ?? {}) as UnitConfig)
    this.space.component(path).definition(this.#normal(definition)).register()
  }

  #behavior(definition: Definition) {
    return this.space.behavior().definition(this.#normal(definition)).register()
  }

  #normal(definition: Definition) {
    const { data, behaviors, ...rest } = definition
    return { ...rest, data: roundTrip(data ?? {}), behaviors: this.#behaviors(behaviors) } as never
  }

  #behaviors(behaviors: unknown): unknown[] {
    return ((behaviors ?? []) as unknown[]).map((b) => (typeof b === 'string' ? (this.#fields.get(b) ?? b) : b))
  }

  #begin(what: string, options: UnitConfig): string {
    const path = this.#current
    if (path === undefined) throw new Error(`${what} is called outside the file of a page or component`)
    const given = this.#bundle.units[path] ?? {}
    const styleIsolation = given.styleIsolation ?? options.styleIsolation
    const config: UnitConfig = {
      ...given,
      // A page that Component defines has the style isolation of a page.
      component: (given.component ?? false) && !this.#bundle.app.pages.includes(path),
      addGlobalClass: given.addGlobalClass ?? options.addGlobalClass ?? false,
    }
    if (styleIsolation) config.styleIsolation = styleIsolation
    const shared = styleIsolation ? /^(page-)?shared$/.test(styleIsolation) : !config.component
    const scope = shared ? '' : `c${this.#scopes.size}`
    this.#scopes.set(path, scope)
    this.space.addComponentStaticConfig(path, config as never)
    this.space.addStyleSheet(path, path, scope || undefined)
    const content = this.#templates[path]
    this.space.addCompiledTemplate(path, { content, groupList: this.#templates } as never)
    return path
  }
}
