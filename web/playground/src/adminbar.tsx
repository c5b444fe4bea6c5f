// The bar above the editors for administrators: which key is shown, and whom the tabs are about.
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react'
import { useEffect, useState, type FormEvent } from 'react'
import { administrator, useAdministrator, type Administrator } from './administrator'
import { NOBODY } from './administrators'
import { useEditorHabits } from './tabs'

export function AdminBar() {
  const state = useAdministrator()
  const { introspect } = useGraphiQLActions()
  const [typed, setTyped] = useState('')
  usePerson(state.person)
  useEditorHabits()

  function submit(event: FormEvent) {
    event.preventDefault()
    administrator.use(typed.trim())
    setTyped('')
    void introspect() // the schema is shown to administrators only
  }

  return (
    <header className="bar">
      <h1>mpauth administrators</h1>
      <form className="bar-buttons" aria-label="Key" onSubmit={submit}>
        <label>
          Key <input type="password" value={typed} onChange={(e) => setTyped(e.target.value)} required autoComplete="off" spellCheck={false} />
        </label>
        <button className="bar-main">Use this key</button>
      </form>
      <div className="bar-state">
        <p role="status">{describe(state)}</p>
      </div>
    </header>
  )
}

function describe({ key, person, refused }: Administrator): string {
  if (!key) return 'Without a key nothing is answered. mpauth keys admin makes the first one; in development the server’s own link carries one.'
  if (refused) return 'The server refuses this key.'
  const whom = person ? ` The tabs are about ${person}.` : ' Find somebody first; their id is then put into the tabs.'
  return `Every tab sends the key ${key.slice(0, 7)}….${whom}`
}

/** Puts the person into a tab that asks for one and names nobody. */
function usePerson(person: string) {
  const { tab, variableEditor } = useGraphiQL(({ tabs, activeTabIndex, variableEditor }) => ({
    tab: tabs[activeTabIndex]?.id,
    variableEditor,
  }))
  useEffect(() => {
    const text = person && variableEditor && withPerson(variableEditor.getValue(), person)
    if (text) variableEditor.setValue(text)
  }, [tab, person, variableEditor])
}

/** The variables with the person in them, or undefined when they are to stay as they are. */
function withPerson(text: string, person: string): string | undefined {
  try {
    let changed = false
    const variables = JSON.parse(text, (name, value) => {
      if (name !== 'userId' || value !== NOBODY) return value
      changed = true
      return person
    })
    return changed ? JSON.stringify(variables, null, 2) : undefined
  } catch {
    return undefined // somebody is writing
  }
}
