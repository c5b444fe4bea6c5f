import { h, toggle } from './dom'
import type { Stage } from './stage'
import { troubles } from './state'
import { action } from './who'
import { fill } from './words'

/** What goes wrong: until it is switched off, or once. */
export function troublePart(stage: Stage): HTMLElement[] {
  const { w } = stage
  const said = h('p', { class: 'said', role: 'status' })
  const say = (text: string) => {
    said.textContent = fill(text, { user: stage.state.user })
  }
  const { did } = w.trouble
  const long = async (text: string, go: () => Promise<void>, after: string) => {
    say(text)
    await go()
    say(after)
  }
  const rotate = () => void stage.rotateKey().then(() => say(did.rotate), (error: Error) => say(error.message))
  const token = () => {
    stage.spoilToken()
    say(did.token)
  }
  return [
    h('h2', {}, w.trouble.title),
    h('h3', {}, w.trouble.on),
    ...troubles.map((trouble) => {
      const [name, note] = w.trouble.names[trouble]
      return toggle(name!, note!, stage.state.troubles.has(trouble), (on) => stage.setTrouble(trouble, on))
    }),
    h('h3', {}, w.trouble.once),
    h(
      'div',
      { class: 'actions' },
      action(w.trouble.token[0]!, w.trouble.token[1]!, token),
      action(w.trouble.rotate[0]!, w.trouble.rotate[1]!, rotate),
      action(w.trouble.restart[0]!, w.trouble.restart[1]!, () => void long(did.restart, () => stage.restartServer(), did.restarted)),
      action(w.trouble.background[0]!, w.trouble.background[1]!, () => void long(did.background, () => stage.leaveForLong(), did.back)),
      action(w.trouble.interrupt[0]!, w.trouble.interrupt[1]!, () => void long(did.interrupt, () => stage.interruptLogin(), did.back)),
    ),
    said,
  ]
}
