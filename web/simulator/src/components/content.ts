import type { Context } from '../runtime/context'
import { lengths } from '../lengths'
import { posix } from '../runtime/paths'
import { on, type Part, type Spec } from './define'

/** `<view>` and what looks the same to a layout. */
export const view: Spec = { properties: { animation: null } }

export const text: Spec = {
  properties: {
    selectable: Boolean,
    userSelect: Boolean,
    space: String,
    decode: Boolean,
    overflow: String,
    maxLines: Number,
  },
  changed(part, name, value) {
    if (name === 'selectable' || name === 'userSelect') part.host.style.userSelect = on(value) ? 'text' : ''
    if (name === 'space') part.host.style.whiteSpace = value ? 'pre-wrap' : ''
  },
}

const fits: Record<string, string> = { scaleToFill: 'fill', aspectFit: 'contain', aspectFill: 'cover', center: 'none' }

/** `<image>`: of the project, of the temporary files, or of the network as far as the page's policy goes. */
export function image(program: Context): Spec {
  const pictures = new WeakMap<Part, HTMLImageElement>()
  return {
    properties: {
      src: String,
      mode: { type: String, value: 'scaleToFill' },
      lazyLoad: Boolean,
      webp: Boolean,
      showMenuByLongpress: Boolean,
      fadeIn: Boolean,
    },
    created(part) {
      const picture = document.createElement('img')
      picture.alt = ''
      picture.draggable = false
      pictures.set(part, picture)
      part.host.append(picture)
      picture.addEventListener('load', () => {
        part.triggerEvent('load', { width: picture.naturalWidth, height: picture.naturalHeight })
      })
      picture.addEventListener('error', () =>
        part.triggerEvent('error', { errMsg: `GET ${String(part.data.src)} 404` }),
      )
    },
    changed(part, name, value) {
      const picture = pictures.get(part)!
      if (name === 'mode') {
        picture.style.objectFit = fits[String(value)] ?? ''
        part.host.setAttribute('mode', String(value))
      }
      if (name === 'src') void load(program, part, picture, String(value ?? ''))
    },
  }
}

async function load(program: Context, part: Part, picture: HTMLImageElement, src: string) {
  const temporary = await program.files.picture(src)
  if (part.data.src !== src) return
  const address =
    temporary ?? program.bundle.assets[`/${posix(src.startsWith('/') ? src : directoryOf(part) + src)}`] ?? src
  if (src === '') picture.removeAttribute('src')
  else picture.src = /^https?:/.test(address) && !temporary ? program.phone.resolveUrl(address) : address
}

/** Where the template lies that the component stands in. */
function directoryOf(part: Part): string {
  const owner = (part as unknown as { ownerShadowRoot?: { getHostNode(): { is: string } } }).ownerShadowRoot
  return (owner?.getHostNode().is ?? '').replace(/[^/]*$/, '')
}

const icons: Record<string, [string, string]> = {
  success: ['✓', '#07c160'],
  success_no_circle: ['✓', '#07c160'],
  info: ['i', '#10aeff'],
  warn: ['!', '#fa5151'],
  waiting: ['…', '#10aeff'],
  cancel: ['✕', '#fa5151'],
  download: ['↓', '#07c160'],
  search: ['⌕', '#b2b2b2'],
  clear: ['✕', '#b2b2b2'],
}

export const icon: Spec = {
  properties: { type: String, size: { type: null, value: 23 }, color: String },
  created: (part) => part.host.setAttribute('aria-hidden', 'true'),
  changed(part, name, value) {
    const [glyph, color] = icons[String(part.data.type)] ?? ['', '']
    part.host.dataset.glyph = glyph
    part.host.style.color = String(part.data.color || color)
    if (name === 'size')
      part.host.style.setProperty('--size', lengths(typeof value === 'number' ? `${value}px` : String(value)))
  },
}

const allowed = new Set(
  'a abbr address article b blockquote br caption code col colgroup dd del div dl dt em fieldset h1 h2 h3 h4 h5 h6 hr i img ins label legend li mark ol p pre q s section small span strong sub sup table tbody td tfoot th thead tr tt u ul'.split(
    ' ',
  ),
)
const kept = ['class', 'style', 'src', 'alt', 'width', 'height', 'colspan', 'rowspan', 'start', 'type', 'span', 'dir']

interface RichNode {
  type?: string
  name?: string
  text?: string
  attrs?: Record<string, string>
  children?: RichNode[]
}

/** `<rich-text>`: the elements that WeChat allows, of a text or of nodes; everything else is left out. */
export const richText: Spec = {
  properties: { nodes: { type: null, value: [] }, space: String, userSelect: Boolean },
  changed(part, name, value) {
    if (name !== 'nodes') return
    const nodes = typeof value === 'string' ? parsed(value) : ((value ?? []) as RichNode[])
    part.host.replaceChildren(...nodes.map(rendered))
  },
}

function parsed(html: string): RichNode[] {
  const read = (node: Node): RichNode => {
    if (!(node instanceof Element)) return { type: 'text', text: node.textContent ?? '' }
    const attrs = Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value]))
    return { name: node.localName, attrs, children: [...node.childNodes].map(read) }
  }
  return [...new DOMParser().parseFromString(html, 'text/html').body.childNodes].map(read)
}

function rendered(node: RichNode): Node {
  if (node.type === 'text' || !node.name || !allowed.has(node.name.toLowerCase()))
    return document.createTextNode(node.text ?? '')
  const element = document.createElement(node.name)
  for (const name of kept) {
    const value = node.attrs?.[name]
    if (value === undefined) continue
    if (name === 'style') element.style.cssText = lengths(value)
    else element.setAttribute(name, value)
  }
  element.append(...(node.children ?? []).map(rendered))
  return element
}

/** `<page-meta>`: the style of the page as a whole. */
export function pageMeta(program: Context): Spec {
  return {
    properties: {
      pageStyle: String,
      rootFontSize: String,
      backgroundColor: String,
      backgroundTextStyle: String,
      pageFontSize: String,
      scrollTop: String,
    },
    attached: (part) => meta(program, part),
    changed: (part) => meta(program, part),
  }
}

function meta(program: Context, part: Part) {
  const page = part.host.closest<HTMLElement>('wx-page')
  if (!page) return
  page.style.cssText = lengths(String(part.data.pageStyle ?? ''))
  const size = String(part.data.rootFontSize ?? '')
  if (size) page.style.setProperty('--rem', size === 'system' ? `${program.device.fontSizeSetting}px` : size)
  if (part.data.backgroundColor) page.style.backgroundColor = String(part.data.backgroundColor)
}
