import { readFile } from 'node:fs/promises'
import { Logger } from '../../../src/logger'
import { createGraphQL, type GraphQL } from '../../../src/request/graphql'
import { graphqlBackend } from '../../../src/request/graphql-backend'
import { createSession } from '../../../src/session/session'
import type { Session, SessionOptions } from '../../../src/session/types'
import { memoryStorage, type NodePlatform, nodePlatform } from '../../../src/testing'
import { appId, type Server } from './server'

let installed = 0

/**
 * A person's phone: the SDK as it is, over a platform in Node, against a server that runs. The clock is the real one
 * plus `ahead`. `open` starts the app; again, it starts it anew with what is stored.
 */
export class Phone {
  /** By how much the phone's clock is ahead of the server's, in ms. */
  ahead = 0
  /** Holds requests up on their way. */
  gate: ((body: unknown) => Promise<unknown> | undefined) | undefined
  readonly stored: Record<string, string> = {}
  /** Names of events, in their order. */
  readonly events: string[] = []
  platform: NodePlatform
  session!: Session
  gql!: GraphQL
  private readonly name = `phone-${++installed}`

  constructor(
    readonly server: Server,
    readonly user: string,
  ) {
    this.platform = this.newPlatform()
  }

  /** Starts the app, anew when it runs already. */
  open(options: Partial<SessionOptions> = {}): this {
    this.close()
    this.platform = this.newPlatform()
    this.session = createSession({
      platform: this.platform,
      backend: graphqlBackend({ url: this.server.graphql }),
      name: this.name,
      now: () => Date.now() + this.ahead,
      retry: { baseMs: 10 },
      logger: new Logger({ sinks: [] }),
      ...options,
    })
    this.gql = createGraphQL(this.session, { url: this.server.graphql, authorize: false })
    for (const name of ['login:success', 'login:fail', 'session:cleared', 'fuse', 'sessionkey:refreshed'] as const)
      this.session.events.on(name, () => this.events.push(name))
    return this
  }

  close(): void {
    this.session?.destroy()
  }

  /** Changes what is stored, while the app does not run. */
  edit(change: (stored: { snap: { token: string } }) => void): void {
    this.close()
    for (const [key, text] of Object.entries(this.stored)) {
      const value = JSON.parse(text)
      change(value)
      this.stored[key] = JSON.stringify(value)
    }
  }

  /** What the phone button hands over at a tap. */
  async tap(phoneNumber?: string): Promise<{ code: string }> {
    const { code } = await this.server.wechat<{ code: string }>('phone-code', { user: this.user, phoneNumber })
    return { code }
  }

  /** What it hands over on old base libraries. */
  async oldTap(data?: object): Promise<{ encrypted: { iv: string; encryptedData: string } }> {
    const body = { user: this.user, kind: 'phone', data }
    const { iv, encryptedData } = await this.server.wechat<{ iv: string; encryptedData: string }>('encrypt', body)
    return { encrypted: { iv, encryptedData } }
  }

  /** How often each operation was sent. */
  sent(operation: string): number {
    return this.platform.requests(operation).length
  }

  private newPlatform(): NodePlatform {
    return nodePlatform({
      fetch: async (url, init) => {
        await this.gate?.(init.body)
        return fetch(url, init)
      },
      login: async () => (await this.server.wechat<{ code: string }>('login-code', { user: this.user })).code,
      appId,
      storage: memoryStorage(this.stored),
      readFile,
    })
  }
}
