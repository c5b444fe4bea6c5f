import { session } from './auth'
import { words } from './i18n'

/** What pages show of the person. */
export function person() {
  const { user, flow, loggedOut } = session
  const step = session.currentAuthStep()
  const t = words.person
  const steps = flow.length === 1 ? [1, 3] : [1, 2, 3]
  return {
    loggedOut,
    name: user?.nickname || (loggedOut ? t.loggedOut : t.visitor),
    initial: (user?.nickname || '·').slice(0, 1),
    avatar: user?.avatarUrl || '',
    phone: user?.phone?.masked || '',
    hasPhone: session.hasPhone(),
    hasProfile: Boolean(user?.hasProfile),
    step,
    stepName: loggedOut ? t.loggedOut : t.stepNames[step],
    steps: steps.map((number, i) => ({
      number,
      reached: !loggedOut && step >= number,
      words: i === 0 ? t.known : t[flow[i - 1]],
    })),
  }
}

/** Hands `show` what to show, now and after each change. Returns what ends it. */
export function follow(show) {
  const changes = ['login:success', 'user', 'session:cleared']
  const ends = changes.map((name) => session.events.on(name, () => show(person())))
  show(person())
  return () => {
    for (const end of ends) end()
  }
}
