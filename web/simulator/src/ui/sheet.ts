import { h } from './dom'

/**
 * Where WeChat's sheets come up: a layer over the phone's screen. While one is open, nothing behind it can be
 * reached; Escape or a tap beside it dismisses it; the focus goes in and back again.
 */
export class Sheets {
  readonly layer = h('div', { class: 'sheets' })
  readonly #behind: readonly HTMLElement[]
  readonly #open: HTMLElement[] = []

  /** `behind` is what a sheet covers. */
  constructor(behind: readonly HTMLElement[]) {
    this.#behind = behind
  }

  /**
   * Shows a sheet until it is answered. `build` fills it and gets what answers it; `dismissed` is the answer
   * of who waves it away, and absent for a sheet that wants an answer.
   */
  ask<T>(look: 'bottom' | 'middle' | 'full', label: string, build: (answer: (value: T) => void) => Node[], dismissed?: T): Promise<T> {
    return new Promise((resolve) => {
      const before = focused()
      const sheet = h('div', { class: `sheet ${look}`, role: 'dialog', 'aria-modal': 'true', 'aria-label': label, tabIndex: -1 })
      const curtain = h('div', { class: 'curtain' }, sheet)
      const answer = (value: T) => {
        if (!curtain.isConnected) return
        this.#take(curtain)
        if (before?.isConnected) before.focus({ preventScroll: true })
        resolve(value)
      }
      sheet.append(...build(answer))
      sheet.addEventListener('keydown', (event) => {
        if (event.key === 'Tab') keepInside(sheet, event)
        if (event.key !== 'Escape' || dismissed === undefined) return
        event.stopPropagation()
        answer(dismissed)
      })
      curtain.addEventListener('click', (event) => {
        if (event.target === curtain && dismissed !== undefined) answer(dismissed)
      })
      this.#put(curtain, sheet)
    })
  }

  /** Takes all sheets away unanswered: who asked is gone. */
  clear() {
    for (const curtain of [...this.#open]) this.#take(curtain)
  }

  #put(curtain: HTMLElement, sheet: HTMLElement) {
    const below = this.#open.at(-1)
    if (below) below.inert = true
    this.#open.push(curtain)
    this.layer.append(curtain)
    for (const element of this.#behind) element.inert = true
    const first = sheet.querySelector<HTMLElement>('[data-first]') ?? sheet
    first.focus({ preventScroll: true })
  }

  #take(curtain: HTMLElement) {
    curtain.remove()
    this.#open.splice(this.#open.indexOf(curtain), 1)
    const below = this.#open.at(-1)
    if (below) below.inert = false
    else for (const element of this.#behind) element.inert = false
  }
}

/** The element with the focus, inside of shadow roots too. */
function focused(): HTMLElement | null {
  let at = document.activeElement
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
  return at as HTMLElement | null
}

function keepInside(sheet: HTMLElement, event: KeyboardEvent) {
  const stops = [...sheet.querySelectorAll<HTMLElement>('button, input, select, a[href]')].filter((stop) => stop.offsetParent !== null)
  const [first, last] = [stops[0], stops.at(-1)]
  const leaving = event.shiftKey ? document.activeElement === first || document.activeElement === sheet : document.activeElement === last
  if (!leaving) return
  event.preventDefault()
  ;(event.shiftKey ? last : first)?.focus()
}
