import { h } from './dom'
import type { Words } from './words'

export type Part = 'happened' | 'who' | 'trouble' | 'device'

/** Wide enough for all parts at once. */
const wide = matchMedia('(min-width: 1180px)')
/** Too narrow for the phone beside the panel. */
const narrow = matchMedia('(max-width: 719px)')

/** What is around the phone: tabs, or all parts side by side where there is room. */
export class Panel {
  readonly element: HTMLElement
  readonly #parts: [Part, HTMLElement][]
  readonly #tabs: HTMLButtonElement[]
  readonly #list: HTMLElement
  #chosen: Part | undefined

  constructor(w: Words, contents: Record<Part, HTMLElement[]>) {
    const names = ['happened', 'who', 'trouble', 'device'] as const
    this.#chosen = narrow.matches ? undefined : 'happened'
    this.#parts = names.map((name) => [
      name,
      h('section', { class: `part ${name}`, id: `part-${name}`, 'aria-labelledby': `tab-${name}` }, ...contents[name]),
    ])
    this.#tabs = names.map((name) =>
      h('button', { type: 'button', id: `tab-${name}`, role: 'tab', 'aria-controls': `part-${name}`, on: { click: () => this.#press(name) } }, w.tabs[name]),
    )
    this.#list = h('div', { class: 'tablist', role: 'tablist', 'aria-label': w.panel, on: { keydown: (event: KeyboardEvent) => this.#move(event) } }, ...this.#tabs)
    const controls = h('div', { class: 'controls' }, ...this.#parts.filter(([name]) => name !== 'happened').map(([, part]) => part))
    this.element = h('div', { class: 'panel' }, this.#list, controls, this.#parts[0]![1])
    wide.addEventListener('change', () => this.#show())
    narrow.addEventListener('change', () => this.#show())
    this.#show()
  }

  #press(name: Part) {
    // In a narrow window the panel is above the phone, and a second press folds it up.
    this.#chosen = narrow.matches && this.#chosen === name ? undefined : name
    this.#show()
  }

  #move(event: KeyboardEvent) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    const at = this.#tabs.indexOf(document.activeElement as HTMLButtonElement)
    const next = this.#tabs[(at + step + this.#tabs.length) % this.#tabs.length]!
    next.focus()
    this.#chosen = next.id.slice('tab-'.length) as Part
    this.#show()
  }

  #show() {
    if (!narrow.matches) this.#chosen ??= 'happened'
    this.#list.hidden = wide.matches
    for (const [i, [name, part]] of this.#parts.entries()) {
      const chosen = name === this.#chosen
      part.hidden = !wide.matches && !chosen
      if (wide.matches) part.removeAttribute('role')
      else part.setAttribute('role', 'tabpanel')
      this.#tabs[i]!.setAttribute('aria-selected', String(chosen))
      this.#tabs[i]!.tabIndex = chosen || (this.#chosen === undefined && i === 0) ? 0 : -1
    }
  }
}
