import type { Person } from '../surroundings'
import { masked } from './asking'
import { button, choice, h } from './dom'
import { draw } from './pictures'
import type { Stage } from './stage'
import { flows } from './state'

const regulars = ['alice', 'bob', 'lily', 'zhang']

/** Who holds the phone, and what the app asks of them. */
export function whoPart(stage: Stage): HTMLElement[] {
  const { w } = stage
  const people = h('div', { class: 'people', role: 'radiogroup', 'aria-label': w.who.people })
  const users = [...new Set([...regulars, stage.state.user])]
  const known = new Map<string, Person>()

  const visit = (user: string): string => {
    const prefix = `miniprogram:${stage.appId}:${user}:`
    const stored = Array.from({ length: localStorage.length }, (_, i) => localStorage.key(i) ?? '').some((key) => key.startsWith(prefix))
    if (stored) return w.who.back
    return (known.get(user)?.keyGeneration ?? 0) > 0 ? w.who.elsewhere : w.who.first
  }

  const rows = new Map<string, { row: HTMLElement; input: HTMLInputElement; about: HTMLElement }>()
  const addRow = (user: string) => {
    const input = h('input', { type: 'radio', name: 'user', value: user, on: { change: () => void stage.setUser(user) } })
    const about = h('small', {})
    const row = h('label', { class: 'someone' }, input, draw('face', user, 72), h('span', {}, h('span', { class: 'name' }, user), about))
    rows.set(user, { row, input, about })
    people.append(row)
  }
  for (const user of users) addRow(user)

  const show = () => {
    for (const [user, { input, about }] of rows) {
      const person = known.get(user)
      input.checked = user === stage.state.user
      about.textContent = [visit(user), person && `${person.nickname} ${masked(person.phoneNumber)}`].filter(Boolean).join(' · ')
    }
  }
  const refresh = async () => {
    show()
    await Promise.all([...rows.keys()].map(async (user) => known.set(user, await stage.box.person(stage.appId, user))))
    show()
  }
  let due: ReturnType<typeof setTimeout> | undefined
  stage.subscribe(() => {
    if (!rows.has(stage.state.user)) addRow(stage.state.user)
    show()
    clearTimeout(due)
    due = setTimeout(() => void refresh().catch(() => {}), 600) // when the login has come through
  })

  const stranger = () => {
    const [number] = crypto.getRandomValues(new Uint16Array(1))
    void stage.setUser(`guest-${number!.toString(36)}`)
  }
  return [
    h('h2', {}, w.who.title),
    people,
    button(w.who.stranger, stranger),
    h(
      'div',
      { class: 'actions' },
      action(w.who.again, w.who.againNote, () => void stage.open()),
      action(w.who.forget, w.who.forgetNote, () => void stage.forget()),
    ),
    h('h2', {}, w.flow.title),
    flowPart(stage),
  ]
}

function flowPart(stage: Stage): HTMLElement {
  const { w } = stage
  const there = flows.filter((flow) => stage.flows.includes(flow))
  if (there.length < 2) return h('p', { class: 'note' }, w.flow.missing.replace('{flow}', w.flow.names[there[0] ?? 'profile,phone']))
  const options = there.map((flow) => [flow, w.flow.names[flow]] as const)
  const set = choice(w.flow.title, 'flow', options, stage.state.flow, (flow) => void stage.setFlow(flow))
  set.classList.add('column')
  set.append(h('small', {}, w.flow.note))
  return set
}

/** A button with a line below that says what it does. */
export function action(text: string, note: string, press: () => void): HTMLElement {
  return h('div', { class: 'action' }, button(text, press), h('small', {}, note))
}
