import './stylenonce'
import './workers'
import '@graphiql/react/style.css'
import '@graphiql/plugin-doc-explorer/style.css'
import '@graphiql/plugin-history/style.css'
import 'graphiql/graphiql.css'
import './style.css'
import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer'
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history'
import { GraphiQLProvider } from '@graphiql/react'
import { GraphiQL, GraphiQLInterface } from 'graphiql'
import { createRoot } from 'react-dom/client'
import { AdminBar } from './adminbar'
import { administration } from './administrators'
import { Bar } from './bar'
import { operations, printVariables } from './operations'
import { fetcher, settings } from './server'
import { isFirstVisit, storage } from './storage'

const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN]
const prepared = settings.administrators ? administration : operations
const tabs = prepared.map(({ query, variables }) => ({ query, variables: printVariables(variables), headers: null }))
// GraphiQL shows the query of the first tab by itself, but not its variables.
const [first] = tabs
const shown = isFirstVisit && first ? { initialQuery: first.query, initialVariables: first.variables } : {}

if (settings.administrators) document.title = 'mpauth administrators'

createRoot(document.getElementById('root') as HTMLElement).render(
  <GraphiQLProvider fetcher={fetcher} plugins={plugins} referencePlugin={DOC_EXPLORER_PLUGIN} storage={storage} defaultTabs={tabs} {...shown}>
    <HistoryStore>
      <DocExplorerStore>
        {settings.administrators ? <AdminBar /> : <Bar />}
        <main>
          <GraphiQLInterface defaultEditorToolsVisibility="variables" showPersistHeadersSettings={false}>
            <GraphiQL.Logo>{null}</GraphiQL.Logo>
          </GraphiQLInterface>
        </main>
      </DocExplorerStore>
    </HistoryStore>
  </GraphiQLProvider>,
)
