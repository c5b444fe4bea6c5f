// Monaco describes its public face only; these are the parts behind it.
declare module 'monaco-editor/esm/vs/*.js'

/** Where Monaco looks for its workers. */
declare var MonacoEnvironment: { getWorker(id: string, label: string): Worker }
