import { button, h } from './dom'
import type { Line } from './story'
import type { Words } from './words'

/** The most lines that are kept. */
const most = 400

/** Shows what happened, the newest at the bottom and in sight. */
export class Happened {
  readonly element: HTMLElement
  readonly #w: Words
  readonly #list = h('ol', { class: 'lines', role: 'log', 'aria-live': 'polite', tabIndex: 0 })
  readonly #rows = new WeakMap<Line, HTMLElement>()
  readonly #newest: HTMLButtonElement
  #follows = true

  constructor(w: Words) {
    this.#w = w
    this.#list.setAttribute('aria-label', w.happened.title)
    this.#newest = button(w.happened.newest, () => this.#follow(), { class: 'newest', hidden: true })
    const showSmall = h('input', { type: 'checkbox', on: { change: () => this.#list.classList.toggle('all', showSmall.checked) } })
    const bar = h(
      'div',
      { class: 'bar' },
      h('label', {}, showSmall, h('span', {}, w.happened.small)),
      button(w.happened.clear, () => this.#list.replaceChildren()),
    )
    this.#list.addEventListener('scroll', () => {
      const { scrollTop, scrollHeight, clientHeight } = this.#list
      this.#follows = scrollTop + clientHeight >= scrollHeight - 24
      this.#newest.hidden = this.#follows
    })
    this.element = h('div', { class: 'happened' }, bar, this.#list, this.#newest)
  }

  /** Shows a line, or how it has changed; a new one below `after` and what is there already. */
  show(line: Line, after?: Line) {
    const before = this.#rows.get(line)
    const row = this.#row(line, before?.querySelector('details')?.open ?? false)
    this.#rows.set(line, row)
    if (before) before.replaceWith(row)
    else this.#place(row, after && this.#rows.get(after))
    while (this.#list.childElementCount > most) this.#list.firstElementChild!.remove()
    if (this.#follows) this.#follow()
  }

  #place(row: HTMLElement, after: HTMLElement | undefined) {
    let above = after?.isConnected ? after : this.#list.lastElementChild
    if (after) while (above?.nextElementSibling?.classList.contains('wechat')) above = above.nextElementSibling
    if (above) above.after(row)
    else this.#list.append(row)
  }

  #follow() {
    this.#list.scrollTop = this.#list.scrollHeight
  }

  #row(line: Line, open: boolean): HTMLElement {
    const state = line.open ? 'open' : line.ok === false ? 'bad' : line.ok === true ? 'good' : ''
    const timing = line.kind === 'start' ? clock(line.at) : line.ms === undefined ? '' : `${line.ms} ms`
    const summary = [
      h('span', { class: 'since' }, line.kind === 'start' || line.kind === 'wechat' ? '' : `+${line.since}`),
      h('span', { class: 'text' }, line.text),
      h('span', { class: 'outcome' }, line.open ? this.#w.happened.running : line.outcome),
      h('span', { class: 'ms' }, timing),
    ]
    const details = line.details.filter(([, value]) => value !== undefined && value !== null)
    const body =
      details.length === 0
        ? h('div', { class: 'summary' }, ...summary)
        : h('details', { open }, h('summary', { class: 'summary' }, ...summary), ...details.map(([name, value]) => particulars(name, value)))
    return h('li', { class: `${line.kind} ${state} ${line.small ? 'small' : ''}` }, body)
  }
}

function particulars(name: string, value: unknown): HTMLElement {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return h('div', { class: 'particulars' }, h('small', {}, name), h('pre', { tabIndex: 0 }, text))
}

function clock(at: number): string {
  return new Date(at).toTimeString().slice(0, 8)
}
