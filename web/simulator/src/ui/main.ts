// The page at / of a development server: a phone, and what is around it.
import bundle from 'virtual:miniprogram'
import './page.css'
import './panel.css'
import './phone.css'
import './sheets.css'
import { h } from './dom'
import { devicePart } from './device'
import { Happened } from './happened'
import { Panel } from './panel'
import { type Settings, Stage } from './stage'
import { readState } from './state'
import { troublePart } from './trouble'
import { whoPart } from './who'
import { dictionaries, type Words } from './words'

const settings = JSON.parse(document.querySelector<HTMLMetaElement>('meta[name=mpauth]')!.content) as Settings
const state = readState(location.hash, navigator.language)
const w = dictionaries[state.language]
document.documentElement.lang = state.language === 'zh' ? 'zh-CN' : 'en'
document.title = w.title
// A link that is opened in a tab that shows the phone already.
addEventListener('hashchange', () => location.reload())

const happened = new Happened(w)
const stage = new Stage(bundle, settings, state, happened)
const panel = new Panel(w, {
  happened: [h('h2', {}, w.happened.title), happened.element],
  who: whoPart(stage),
  trouble: troublePart(stage),
  device: devicePart(stage),
})
document.querySelector('main')!.replaceChildren(head(w), h('div', { class: 'stage' }, stage.frame.element), panel.element)
await stage.begin()
document.documentElement.dataset.ready = ''

function head(w: Words): HTMLElement {
  const link = (href: string, text: string) => h('a', { href }, text)
  return h(
    'header',
    { class: 'head' },
    h('a', { class: 'skip', href: '#phone', on: { click: skip } }, w.toPhone),
    h('h1', {}, w.title),
    h('p', {}, w.lead),
    h(
      'nav',
      { 'aria-label': w.more },
      link('/playground', w.playground),
      link('/fakewechat/', w.fake),
      link('/.well-known/jwks.json', w.keys),
      link('/simulator/licenses.md', w.licenses),
    ),
  )
}

/** Goes to the phone without touching the address, which holds the state. */
function skip(event: Event) {
  event.preventDefault()
  stage.frame.element.focus()
}
