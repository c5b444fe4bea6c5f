// What GraphiQL remembers: settings and history for good; tabs until the browser's tab is closed, so
// that a new visit begins with the prepared ones. Headers hold tokens and are never stored; by itself
// GraphiQL would keep those of its history.
const OF_THIS_VISIT = ['tabState', 'query', 'variables', 'operationName'].map((key) => `graphiql:${key}`)
const WITH_HEADERS = ['queries', 'favorites', 'tabState'].map((key) => `graphiql:${key}`)

const placeOf = (key: string) => (OF_THIS_VISIT.includes(key) ? sessionStorage : localStorage)

function withoutHeaders(json: string): string {
  return JSON.stringify(JSON.parse(json, (key, value) => (key === 'headers' ? null : value)))
}

export const storage = {
  getItem: (key: string) => placeOf(key).getItem(key),
  setItem: (key: string, value: string) => placeOf(key).setItem(key, WITH_HEADERS.includes(key) ? withoutHeaders(value) : value),
  removeItem: (key: string) => placeOf(key).removeItem(key),
  clear() {
    sessionStorage.clear()
    localStorage.clear()
  },
  get length() {
    return sessionStorage.length + localStorage.length
  },
}

/** Whether this browser's tab has been here before. */
export const isFirstVisit = storage.getItem('graphiql:tabState') === null
