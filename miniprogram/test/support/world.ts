import type { Backend } from '../../src/backend'
import { Logger, LogLevel } from '../../src/logger'
import type { Platform } from '../../src/platform'
import { graphqlBackend } from '../../src/request/graphql-backend'
import { findSession } from '../../src/session/registry'
import { createSession } from '../../src/session/session'
import type { Session, SessionEvents, SessionOptions } from '../../src/session/types'
import { wechat } from '../../src/wx'
import { FakeClock } from './fake-clock'
import { FakeServer } from './fake-server'
import { FakeWx } from './fake-wx'

export const url = 'https://server.example/graphql'

/**
 * A phone with WeChat, a server, and the SDK between them, on a clock that moves only when told. `open` starts the app;
 * again, it starts it anew with what is stored.
 */
export class World {
  readonly clock = new FakeClock()
  readonly wx = new FakeWx(this.clock)
  readonly server = new FakeServer(this.clock, this.wx.wechat)
  /** What was logged, of all levels. */
  readonly log: unknown[][] = []
  /** Names of events, in their order. */
  readonly events: string[] = []
  readonly platform: Platform
  readonly backend: Backend = graphqlBackend({ url })

  constructor() {
    this.wx.install()
    this.wx.network = this.server.handle
    this.platform = wechat()
  }

  open(options: Partial<SessionOptions> = {}): Session {
    findSession(options.name)?.destroy()
    this.wx.app = undefined
    const session = createSession({ ...this.options(), ...options })
    const names: (keyof SessionEvents)[] = [
      'login:start',
      'login:success',
      'login:fail',
      'session:cleared',
      'user',
      'auth:step',
      'auth:need',
      'auth:done',
      'auth:cancel',
      'sessionkey:refreshed',
      'fuse',
      'perf',
    ]
    for (const name of names) session.events.on(name, () => this.events.push(name))
    return session
  }

  /** What `open` creates a session with. */
  options(): SessionOptions {
    const { clock, platform, backend } = this
    let seed = 7
    return {
      platform,
      backend,
      now: clock.now,
      delay: clock.delay,
      random: () => {
        seed = (seed * 16807) % 2147483647
        return seed / 2147483647
      },
      logger: new Logger({ level: LogLevel.DEBUG, sinks: [(method, args) => this.log.push([method, ...args])] }),
    }
  }

  /** The wx calls and requests so far: what a warm start must not add to. */
  get traffic() {
    return this.wx.traffic
  }

  close(): void {
    findSession()?.destroy()
    this.wx.uninstall()
  }
}
