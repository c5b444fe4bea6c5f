import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Session } from '../../src/session/types'
import type { Fault } from '../support/fake-server'
import { World } from '../support/world'

/**
 * Whatever the order of calls, answers, failures, logouts and time:
 * - at most one login is under way, and a renewal asks for a code at most twice;
 * - nobody is given a token from before a logout after it, and no logout ends by itself;
 * - everybody is answered in the end, and then the session is of one mind.
 */
interface Run {
  world: World
  session: Session
  /** Counts logouts and clears: who was given a token of an earlier one was given it too late. */
  era: number
  /** The era that began some turns ago: what a promise was resolved with before takes a turn or two to arrive. */
  settledEra: number
  eraOf: Map<string, number>
  waiting: number
  releases: (() => void)[]
  outByPerson: boolean
  flights: number
  mostFlights: number
  codesAtStart: number
  mostCodes: number
  late: string[]
}

type Step = (run: Run) => void | Promise<void>

const ask = (name: string, call: (session: Session) => Promise<unknown>): [string, Step] => [
  name,
  (run) => {
    run.waiting++
    const done = () => void run.waiting--
    call(run.session).then((result) => {
      const token = typeof result === 'string' ? result : (result as { token?: string } | undefined)?.token
      if (token !== undefined && (run.eraOf.get(token) as number) < run.settledEra) run.late.push(token)
      done()
    }, done)
  },
]

/** Ends the login some turns from now: between any two of what an answer sets off. */
const endOf = (name: string, n: number, call: (session: Session) => void): [string, Step] => [
  name,
  async (run) => {
    await turn(n)
    const era = ++run.era
    call(run.session)
    void turn(20).then(() => {
      run.settledEra = Math.max(run.settledEra, era)
    })
  },
]

async function turn(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await Promise.resolve()
}

const turns = fc.integer({ min: 0, max: 60 })

const faults: Fault[] = [
  'unreachable',
  'lost',
  'timeout',
  'interrupted',
  { code: 'SESSION_REVOKED' },
  { code: 'LOGIN_CODE_INVALID' },
  { code: 'WECHAT_UNAVAILABLE' },
  { code: 'RATE_LIMITED', retryAfterMs: 2000 },
  { code: 'ACCOUNT_DISABLED' },
  { code: 'BAD_INPUT' },
  { status: 502, data: '' },
]

const steps: fc.Arbitrary<[string, Step]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(ask('getToken', (session) => session.getToken())) },
  { weight: 2, arbitrary: fc.constant(ask('login', (session) => session.login())) },
  { weight: 2, arbitrary: fc.constant(ask('force', (session) => session.login({ force: true }))) },
  {
    weight: 3,
    arbitrary: fc.constant(
      ask('refresh', (session) => session.refreshLogin({ staleToken: session.peekToken() ?? 'access-0' })),
    ),
  },
  { weight: 1, arbitrary: fc.constant(ask('sessionKey', (session) => session.ensureSessionKey())) },
  { weight: 1, arbitrary: fc.constant(ask('me', (session) => session.me())) },
  { weight: 2, arbitrary: turns.map((n) => endOf('logout', n, (session) => void session.logout())) },
  { weight: 1, arbitrary: turns.map((n) => endOf('clear', n, (session) => session.clearSession())) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(0, 0, 1, 300, 1000, 5000, 600_000)
      .map((ms): [string, Step] => [`wait ${ms}`, (run) => run.world.clock.advance(ms)]),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(...faults)
      .map((fault): [string, Step] => [
        `fail ${JSON.stringify(fault)}`,
        (run) => run.world.server.fail(undefined, fault),
      ]),
  },
  {
    weight: 2,
    arbitrary: fc.constant<[string, Step]>(['hold', (run) => void run.releases.push(run.world.server.hold())]),
  },
  { weight: 3, arbitrary: fc.constant<[string, Step]>(['release', (run) => run.releases.shift()?.()]) },
  { weight: 1, arbitrary: fc.constant<[string, Step]>(['expire', (run) => run.world.server.expire()]) },
  { weight: 1, arbitrary: fc.constant<[string, Step]>(['revoke', (run) => run.world.server.revoke()]) },
  { weight: 1, arbitrary: fc.constant<[string, Step]>(['offline', (run) => run.world.wx.setOnline(false)]) },
  { weight: 1, arbitrary: fc.constant<[string, Step]>(['online', (run) => run.world.wx.setOnline(true)]) },
  {
    weight: 1,
    arbitrary: fc.constant<[string, Step]>([
      'clock back',
      (run) => run.world.clock.set(run.world.clock.now() - 3_600_000),
    ]),
  },
)

/** Watches from outside: what goes over the wire, and what the session says. */
function begin(world: World): Run {
  const run: Run = {
    world,
    session: undefined as unknown as Session,
    era: 0,
    settledEra: 0,
    eraOf: new Map(),
    waiting: 0,
    releases: [],
    outByPerson: false,
    flights: 0,
    mostFlights: 0,
    codesAtStart: 0,
    mostCodes: 0,
    late: [],
  }
  /** A flight is an exchange that the session waits for; ending an old login on the server is none. */
  const watched = <A extends unknown[], R>(exchange: (...args: A) => Promise<R>, isFlight: (...args: A) => boolean) => {
    return async (...args: A): Promise<R> => {
      const one = isFlight(...args) ? 1 : 0
      run.flights += one
      run.mostFlights = Math.max(run.mostFlights, run.flights)
      const { era } = run
      try {
        const login = await exchange(...args)
        // The repeat of a request brings a token that an earlier one may have brought already.
        const { token } = login as { token: string }
        if (!run.eraOf.has(token)) run.eraOf.set(token, era)
        return login
      } finally {
        run.flights -= one
      }
    }
  }
  const { backend } = world
  const stored = () => JSON.parse(world.wx.stored.get('mpauth:default:release:wxdemo') as string).snap?.refreshToken
  run.session = world.open({
    backend: {
      ...backend,
      silentLogin: watched(backend.silentLogin, () => true),
      refreshToken: watched(
        backend.refreshToken as NonNullable<typeof backend.refreshToken>,
        (token) => token === stored(),
      ),
    },
  })
  run.session.events.on('login:start', () => {
    run.codesAtStart = world.traffic.login
  })
  for (const name of ['login:success', 'login:fail'] as const)
    run.session.events.on(name, () => {
      run.mostCodes = Math.max(run.mostCodes, world.traffic.login - run.codesAtStart)
    })
  return run
}

function check(run: Run): void {
  const token = run.session.peekToken()
  // A token is of the era in which its login was asked for; an era ends with a logout.
  if (token !== null && run.eraOf.has(token)) expect(run.eraOf.get(token)).toBe(run.era)
  expect(run.mostFlights).toBeLessThanOrEqual(1)
  expect(run.mostCodes).toBeLessThanOrEqual(2)
  expect(run.late).toEqual([])
  if (run.session.loggedOut) expect(token).toBeNull()
  expect(run.session.user === null).toBe(token === null)
}

async function end(run: Run): Promise<void> {
  run.world.wx.setOnline(true)
  for (const release of run.releases) release()
  // Long enough for delays that wait for a clock that was set back by hours.
  for (let i = 0; i < 10 || (run.waiting > 0 && i < 60); i++) await run.world.clock.advance(4_000_000)
  expect(run.waiting).toBe(0)
  check(run)
  const { status, loggedOut } = run.session
  expect(status.login.isIng()).toBe(false)
  if (loggedOut) expect(status.login.isSuccess()).toBe(false)
  if (status.login.isSuccess()) expect(status.login.value?.token).toBe(run.session.peekToken())
}

test('a session keeps its promises in any order of things', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 40 }), async (list) => {
      const world = new World()
      try {
        const run = begin(world)
        for (const [name, step] of list) {
          const out = run.session.loggedOut
          const personAsked = run.outByPerson
          if (name === 'force') run.outByPerson = true
          if (name === 'logout') run.outByPerson = false
          await step(run)
          check(run)
          // A logout ends only after somebody has asked for it.
          if (out && !run.session.loggedOut) expect(personAsked || run.outByPerson).toBe(true)
        }
        await end(run)
      } finally {
        world.close()
      }
    }),
    { numRuns: 400, seed: 20260101 },
  )
}, 60_000)
