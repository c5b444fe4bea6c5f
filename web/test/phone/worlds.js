// The places in which the tests of the phone happen: a server with a database of its own, and people with phones.
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { after, before, describe } from 'node:test'
import { promisify } from 'node:util'
import { launch } from '../browser.js'
import { restart, start, stopAll } from '../servers.js'
import { Person } from './person.js'

const postgres = process.env.MPAUTH_TEST_POSTGRES_URL
const pictures = process.env.MPAUTH_SCREENSHOTS

let browser

/** One server; the browser is that of all servers of a file. */
class World {
  constructor(database) {
    this.database = database
  }

  async begin(environment) {
    if (pictures) await mkdir(pictures, { recursive: true })
    const url = this.database === 'PostgreSQL' ? { MPAUTH_DATABASE_URL: await createDatabase() } : {}
    browser ??= launch()
    ;[this.browser, this.address] = await Promise.all([browser, start({ ...url, ...environment })])
  }

  /** Stops the server, and starts it again where it was. */
  restart(meanwhile) {
    return restart(this.address, meanwhile)
  }

  /**
   * Has somebody open the app, runs what they do, and sees that nothing went wrong that the tests do not know of:
   * `expected` are the complaints of the browser that belong to the matter.
   */
  async visit(t, options, act) {
    const person = await Person.open(this.browser, this.address, options)
    try {
      await act(person)
    } finally {
      if (pictures) await person.picture(`${pictures}/${t.name.replace(/\W+/g, '-')} (${this.database}).png`)
    }
    await person.close(...(options.expected ?? []))
  }

  /** Logs somebody in on another phone, which nobody sees. */
  async logIn(user, device) {
    const { code } = await this.wechat('login-code', { user })
    const query = 'mutation LogIn($input: SilentLoginInput!) { silentLogin(input: $input) { token } }'
    const variables = { input: { code, device: { id: device, name: device } } }
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ query, variables })
    const response = await fetch(`${this.address}/graphql`, { method: 'POST', headers, body })
    const { errors } = await response.json()
    if (errors) throw new Error(errors[0].message)
  }

  /** Asks the WeChat in the box for what only its owner can do. */
  async wechat(control, question) {
    const address = `${this.address}/fakewechat/_control/${control}`
    const response = await fetch(address, { method: 'POST', body: JSON.stringify(question) })
    if (!response.ok) throw new Error(`${control}: ${response.status} ${await response.text()}`)
    return response.json()
  }
}

/**
 * Runs the same tests on each database, each with a server of its own; several at once where none is in the way of
 * another.
 */
export function onEachDatabase(subject, { environment = {}, atOnce = 3 }, tests) {
  describe(subject, { concurrency: true }, () => {
    for (const database of ['SQLite', 'PostgreSQL']) {
      const missing = database === 'PostgreSQL' && !postgres
      const skip = missing && 'MPAUTH_TEST_POSTGRES_URL names no server'
      describe(`on ${database}`, { concurrency: atOnce, skip }, () => {
        const world = new World(database)
        before(() => world.begin(environment))
        tests(world)
      })
    }
  })
  after(async () => {
    await (await browser)?.close()
    await stopAll()
  })
}

let databases = 0

/** Makes an empty database on the server of the tests, and returns its address. */
async function createDatabase() {
  const name = `phone_${process.pid}_${++databases}`
  await promisify(execFile)('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', '-c', `CREATE DATABASE ${name}`, postgres])
  const url = new URL(postgres)
  url.pathname = `/${name}`
  return url.href
}
