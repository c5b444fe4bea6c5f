// The bar above the editors: whom to log in, and the buttons that a Mini Program would be.
import { useEffect, useState, type FormEvent } from 'react'
import { login, useAnswers, useLogin, type Login } from './login'
import { bindPhone, logIn, refreshQuery, type Operation } from './operations'
import { ask, newCode, settings } from './server'
import { useBearer, useEditorHabits, useTabs, type Tabs } from './tabs'

const NO_FAKE =
  'This server asks a WeChat outside of it, so there is nobody here who could make a code. Take one from wx.login ' +
  '(or from the button’s event) in WeChat’s DevTools and put it into the variables below.'

export function Bar() {
  const tabs = useTabs()
  const state = useLogin()
  const [user, setUser] = useState('alice')
  const [app, setApp] = useState(settings.apps[0] ?? '')
  const [note, setNote] = useState({ text: '', at: 0 })
  const answers = useAnswers()
  useBearer()
  useEditorHabits()

  /** Runs what a button does, and says how it went until the next answer. */
  async function act(action: (tabs: Tabs) => Promise<string>) {
    if (!tabs) return
    const text = await action(tabs).catch((problem) => (problem instanceof Error ? problem.message : String(problem)))
    setNote({ text, at: login.answers() })
  }

  async function fillLogIn(tabs: Tabs) {
    if (!settings.fake) return explain(tabs, logIn)
    const code = await newCode('login-code', app, user)
    login.expect(code, user)
    tabs.fill(logIn, { ...appId(app), code, nonce: crypto.randomUUID() })
    return `A login code of ${user} is in the variables. It works once, within five minutes.`
  }

  async function fillPhone(tabs: Tabs) {
    if (!settings.fake) return explain(tabs, bindPhone)
    tabs.fill(bindPhone, { code: await newCode('phone-code', app, user) })
    return `A phone code of ${user} is in the variables. It works once, within five minutes.`
  }

  async function logInAtOnce(tabs: Tabs) {
    const said = await fillLogIn(tabs)
    if (!settings.fake) return said
    tabs.run()
    return ''
  }

  async function refresh() {
    const { errors } = await ask({ query: refreshQuery, variables: { input: { refreshToken: state?.refreshToken } } })
    const problem = errors?.[0]
    return problem ? `${problem.extensions?.code}: ${problem.message}` : 'Refreshed: there is a new token in every tab.'
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    void act(logInAtOnce)
  }

  return (
    <header className="bar">
      <h1>
        <a href="/">mpauth</a> playground
      </h1>
      <form className="bar-buttons" aria-label="WeChat" onSubmit={submit}>
        <label>
          WeChat user{' '}
          <input value={user} onChange={(e) => setUser(e.target.value)} required maxLength={64} autoComplete="off" spellCheck={false} />
        </label>
        {settings.apps.length > 1 && (
          <label>
            App{' '}
            <select value={app} onChange={(e) => setApp(e.target.value)}>
              {settings.apps.map((id) => (
                <option key={id}>{id}</option>
              ))}
            </select>
          </label>
        )}
        <button className="bar-main" disabled={!tabs}>Log in as {user || '…'}</button>
        <button type="button" disabled={!tabs} onClick={() => void act(fillLogIn)}>New login code</button>
        <button type="button" disabled={!tabs} onClick={() => void act(fillPhone)}>New phone code</button>
        <button type="button" disabled={!tabs || !state?.refreshToken || state.ended} onClick={() => void act(refresh)}>Refresh</button>
      </form>
      <div className="bar-state">
        <p role="status">{(note.at === answers && note.text) || describe(state)}</p>
        {state && !state.ended && <TimeLeft key={state.token} until={state.expiresAt} />}
      </div>
    </header>
  )
}

/** Says what to do where the server has no fake WeChat inside. */
function explain(tabs: Tabs, operation: Operation): string {
  tabs.show(operation)
  return NO_FAKE
}

/** With one app, the server knows which is meant. */
function appId(app: string) {
  return settings.apps.length > 1 ? { appId: app } : {}
}

function describe(state: Login | undefined): string {
  if (!state) return 'Nobody is logged in. Begin with the button, or take a code and run the first tab.'
  if (state.ended) return 'Logged out. The tabs go on sending the token, so that you can see it refused.'
  return `${state.user || 'Somebody'} is logged in. Every tab sends the header Authorization: Bearer ${state.token.slice(0, 6)}…${state.token.slice(-4)}`
}

function TimeLeft({ until }: { until: number }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  const seconds = Math.max(0, Math.ceil((until - now) / 1000))
  return (
    <p className={seconds ? 'bar-time' : 'bar-over'} role="timer">
      {seconds ? `The token lives ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} more.` : 'The token has expired: press Refresh.'}
    </p>
  )
}
