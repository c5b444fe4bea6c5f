// What the page's own buttons do to GraphiQL's tabs.
import { KeyCode, useGraphiQL, useGraphiQLActions } from '@graphiql/react'
import { useEffect, useRef } from 'react'
import { useLogin, withBearer } from './login'
import { printVariables, type Operation } from './operations'

/** The tabs, once the editors are there. */
export interface Tabs {
  /** Brings the tab of the operation to the front, and opens it where it was closed. */
  show(operation: Operation): void
  /** Does so, and puts values into the `input` of the tab's variables. */
  fill(operation: Operation, input: Record<string, unknown>): void
  /** Runs the tab in front. */
  run(): void
}

export function useTabs(): Tabs | undefined {
  const actions = useGraphiQLActions()
  const state = useGraphiQL(({ tabs, activeTabIndex, queryEditor, variableEditor }) => ({
    tabs,
    activeTabIndex,
    queryEditor,
    variableEditor,
  }))
  // Who waited for a code wants the tabs of then, not those of when the button was pressed.
  const latest = useRef(state)
  latest.current = state
  if (!state.queryEditor || !state.variableEditor) return undefined

  function show(operation: Operation) {
    const { tabs, activeTabIndex, queryEditor, variableEditor } = latest.current
    const index = tabs.findIndex((tab) => tab.title === operation.name)
    if (index < 0) {
      actions.addTab()
      queryEditor?.setValue(operation.query)
      variableEditor?.setValue(printVariables(operation.variables))
    } else if (index !== activeTabIndex) {
      actions.changeTab(index)
    }
  }
  return {
    show,
    fill(operation, input) {
      show(operation)
      const editor = latest.current.variableEditor
      editor?.setValue(printVariables({ input: { ...inputIn(editor.getValue(), operation), ...input } }))
    },
    run: () => void actions.run(),
  }
}

/** The `input` that the editor shows, or that of the operation when the editor shows none. */
function inputIn(text: string, operation: Operation): Record<string, unknown> | undefined {
  const prepared = operation.variables?.input as Record<string, unknown> | undefined
  try {
    return JSON.parse(text).input ?? prepared
  } catch {
    return prepared
  }
}

/** Keeps the token of the login in the headers of every tab that comes to the front. */
export function useBearer() {
  const token = useLogin()?.token
  const { tab, headerEditor } = useGraphiQL(({ tabs, activeTabIndex, headerEditor }) => ({
    tab: tabs[activeTabIndex]?.id,
    headerEditor,
  }))
  useEffect(() => {
    const text = token && headerEditor && withBearer(headerEditor.getValue(), token)
    if (text) headerEditor.setValue(text)
  }, [tab, token, headerEditor])
}

/** Settles what is the same for every editor. */
export function useEditorHabits() {
  const editors = useGraphiQL(({ queryEditor, variableEditor, headerEditor, responseEditor }) => ({
    queryEditor,
    variableEditor,
    headerEditor,
    responseEditor,
  }))
  useEffect(() => {
    const actions = Object.values(editors).map((editor) => {
      // GraphiQL names a font that it would have to bring along.
      editor?.updateOptions({ fontFamily: 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace', fontSize: 14 })
      // Tab writes a tab, so without a mouse there has to be another way out.
      return editor?.addAction({
        id: 'leave',
        label: 'Leave the Editor',
        keybindings: [KeyCode.Escape],
        precondition: '!suggestWidgetVisible && !findWidgetVisible && !inSnippetMode && !editorHasSelection',
        run: () => editor.getContainerDomNode().focus(),
      })
    })
    return () => actions.forEach((action) => action?.dispose())
  }, [editors])
}
