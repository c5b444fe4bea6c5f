import { glassEasel } from 'glass-easel-miniprogram-adapter'
import { lengths } from '../lengths'

interface NodeElement extends HTMLElement {
  __wxElement?: glassEasel.Element
}

/** A finger or a mouse, as events of WeChat describe it. */
interface Touch {
  identifier: number
  pageX: number
  pageY: number
  clientX: number
  clientY: number
  force: number
}

const longPressMs = 350

/**
 * Draws one page into a shadow root, so that its style sheets and ids are its own. Every element is a
 * custom one (`wx-view`), never one of HTML; what a built-in component needs of HTML it puts inside.
 * Style sheets are constructed and styles are set by CSSOM, which a strict Content-Security-Policy allows.
 */
export class PageBackend extends glassEasel.CurrentWindowBackendContext {
  readonly root: ShadowRoot
  readonly #screen: HTMLElement
  readonly #sheet: (path: string) => CSSStyleSheet
  readonly #theme: () => string

  constructor(root: ShadowRoot, screen: HTMLElement, sheet: (path: string) => CSSStyleSheet, theme: () => string) {
    super()
    this.root = root
    this.#screen = screen
    this.#sheet = sheet
    this.#theme = theme
    this.document = {
      createElement: (tag: string) => createElement(tag),
      createTextNode: (text: string) => document.createTextNode(text),
      createDocumentFragment: () => document.createDocumentFragment(),
    } as unknown as typeof this.document
    this.#listen()
  }

  override getWindowWidth() {
    return this.#screen.clientWidth
  }

  override getWindowHeight() {
    return this.#screen.clientHeight
  }

  override getTheme() {
    return this.#theme()
  }

  override appendStyleSheetPath(path: string): number {
    const sheet = this.#sheet(path)
    const sheets = this.root.adoptedStyleSheets
    if (!sheets.includes(sheet)) this.root.adoptedStyleSheets = [...sheets, sheet]
    return sheets.length
  }

  override disableStyleSheet() {}

  override render(callback: (error: Error | null) => void) {
    setTimeout(() => callback(null), 0)
  }

  override getRootNode() {
    return this.root as unknown as ReturnType<glassEasel.CurrentWindowBackendContext['getRootNode']>
  }

  // What the browser tells is heard at the root; the other events come from the components themselves.
  override setListenerStats() {}

  #listen() {
    const forward = (type: string, name = type) =>
      this.root.addEventListener(type, (event) => this.#send(event, name, {}))
    for (const type of ['transitionend', 'animationstart', 'animationiteration', 'animationend']) forward(type)
    this.root.addEventListener('click', (event) => this.#tap(event as MouseEvent))
    this.root.addEventListener('keydown', (event) => pressed(event as KeyboardEvent))
    let held: ReturnType<typeof setTimeout> | undefined
    const pointer = (type: string, name: string, act: (event: PointerEvent) => void) =>
      this.root.addEventListener(type, (event) => {
        const touch = touchOf(event as PointerEvent, this.#screen)
        const more = { touches: name === 'touchend' ? [] : [touch], changedTouches: [touch] }
        if (name !== 'touchmove' || (event as PointerEvent).buttons > 0) this.#send(event, name, {}, more)
        act(event as PointerEvent)
      })
    pointer('pointerdown', 'touchstart', (event) => {
      const touch = touchOf(event, this.#screen)
      held = setTimeout(() => {
        const more = { touches: [touch], changedTouches: [touch] }
        for (const name of ['longpress', 'longtap']) this.#send(event, name, { x: touch.pageX, y: touch.pageY }, more)
      }, longPressMs)
    })
    pointer('pointermove', 'touchmove', () => {})
    pointer('pointerup', 'touchend', () => clearTimeout(held))
    pointer('pointercancel', 'touchcancel', () => clearTimeout(held))
  }

  #tap(event: MouseEvent) {
    const target = nodeOf(event)
    // A disabled button swallows the tap.
    if (target?.closest('[data-disabled]')) return
    const touch = touchOf(event, this.#screen)
    this.#send(event, 'tap', { x: touch.pageX, y: touch.pageY }, { touches: [touch], changedTouches: [touch] })
  }

  #send(event: Event, type: string, detail: unknown, extraFields: Record<string, unknown> = {}) {
    const target = nodeOf(event)
    if (!target) return
    const options = { originalEvent: event, bubbles: true, composed: true, capturePhase: true, extraFields }
    const dispatched = new glassEasel.Event(type, detail, options)
    glassEasel.Event.dispatchEvent(target.__wxElement!, dispatched)
    if (dispatched.defaultPrevented()) event.preventDefault()
  }
}

/** The element of the Mini Program in which something happened. */
function nodeOf(event: Event): NodeElement | null {
  let at = event.composedPath()[0] as Node | null
  while (at && !(at as NodeElement).__wxElement) at = at.parentNode
  return at as NodeElement | null
}

/** Enter and Space press what has the focus, where HTML does not know that it can be pressed. */
function pressed(event: KeyboardEvent) {
  const target = event.composedPath()[0] as HTMLElement
  if ((event.key !== 'Enter' && event.key !== ' ') || event.repeat || !target.matches('[data-press]')) return
  event.preventDefault()
  target.click()
}

function touchOf(event: MouseEvent, screen: HTMLElement): Touch {
  const frame = screen.getBoundingClientRect()
  const x = event.clientX - frame.left
  const y = event.clientY - frame.top
  return { identifier: 0, pageX: x, pageY: y, clientX: x, clientY: y, force: 1 }
}

function createElement(tag: string): HTMLElement {
  const element = document.createElement(`wx-${tag.toLowerCase()}`)
  const set = element.setAttribute.bind(element)
  element.setAttribute = (name: string, value: string) => {
    if (name === 'style') element.style.cssText = lengths(String(value))
    else set(name, value)
  }
  // Ids come with a prefix for the component they are in. The page is alone in its shadow root.
  Object.defineProperty(element, 'id', {
    get: () => element.getAttribute('id') ?? '',
    set: (id: string) => set('id', id.slice(id.indexOf('--') < 0 ? 0 : id.indexOf('--') + 2)),
  })
  return element
}
