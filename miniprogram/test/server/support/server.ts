import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The demo app that asks for a profile, then for a phone number. */
export const appId = 'wx0000000000demo00'

type Environment = Record<string, string>

const running = new Set<ChildProcess>()
// Tests that are broken off do not get to stop anything.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** The binary as a developer would start it, with data of its own, and with WeChat inside it. */
export class Server {
  /** Where it listens. The same after a restart. */
  url = ''
  private child: ChildProcess | undefined
  private ended: Promise<unknown> = Promise.resolve()

  private constructor(
    readonly data: string,
    private readonly environment: Environment,
    private readonly errors: 'inherit' | 'ignore',
  ) {}

  /** On a free port. `errors`: what becomes of the log of a server that is to have some. */
  static async start(environment: Environment = {}, errors: 'inherit' | 'ignore' = 'inherit'): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), 'mpauth-sdk-test-')), environment, errors)
    try {
      await server.run('127.0.0.1:0')
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  get graphql(): string {
    return `${this.url}/graphql`
  }

  /** Ends the process and starts another one with the same data at the same address. */
  async restart(signal: NodeJS.Signals, between?: () => Promise<unknown>): Promise<void> {
    await this.end(signal)
    await between?.()
    await this.run(new URL(this.url).host)
  }

  async stop(): Promise<void> {
    // Nothing of it is needed any more; a proper end would wait for connections that were opened and never used.
    await this.end('SIGKILL')
    await rm(this.data, { recursive: true })
  }

  /** Steers the WeChat in the box. What is about a person is about them in the demo app. */
  async wechat<T = Record<string, string>>(control: string, body: object = {}): Promise<T> {
    const response = await fetch(`${this.url}/fakewechat/_control/${control}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify('user' in body ? { appid: appId, ...body } : body),
    })
    if (!response.ok) throw new Error(`${control}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }

  /** How often the server has asked WeChat for something. */
  async calls(endpoint: string): Promise<number> {
    const all = await this.wechat<Record<string, { count: number }>>('calls', { endpoint })
    return all[endpoint]?.count ?? 0
  }

  private async run(listen: string): Promise<void> {
    const child = spawn(process.env.MPAUTH_BINARY as string, {
      env: {
        PATH: process.env.PATH ?? '',
        MPAUTH_LISTEN: listen,
        MPAUTH_ADMIN_LISTEN: 'off', // at a known address, the port after it may be somebody else's
        MPAUTH_DATA: this.data,
        MPAUTH_LOG_LEVEL: 'error',
        MPAUTH_RATE_LIMITS: 'off',
        ...this.environment,
      },
      stdio: ['ignore', 'pipe', this.errors],
    })
    this.child = child
    running.add(child)
    // `error` where there is no such binary.
    this.ended = new Promise((resolve) => child.on('close', resolve).on('error', resolve)).then(() =>
      running.delete(child),
    )
    for await (const line of createInterface({ input: child.stdout })) {
      const address = line.match(/^ *GraphQL +(http\S+)\/graphql$/)?.[1]
      if (!address) continue
      this.url = address
      child.stdout.resume()
      return
    }
    throw new Error('the server ended without telling its address')
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    this.child?.kill(signal)
    await this.ended
  }
}
