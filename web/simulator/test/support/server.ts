import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The server with the WeChat in the box, on a free port and with data of its own. */
export class Server {
  address = ''
  readonly #binary: string
  #child: ChildProcess | undefined
  #data = ''

  constructor(binary: string) {
    this.#binary = binary
  }

  async start() {
    this.#data = await mkdtemp(join(tmpdir(), 'mpauth-simulator-server-'))
    this.#child = spawn(this.#binary, [], {
      env: { MPAUTH_LISTEN: '127.0.0.1:0', MPAUTH_DATA: this.#data, MPAUTH_LOG_LEVEL: 'error' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    for await (const line of createInterface({ input: this.#child.stdout! })) {
      const address = /^ *GraphQL +(http\S+)\/graphql$/.exec(line)?.[1]
      if (!address) continue
      this.address = address
      this.#child.stdout!.resume()
      return
    }
    throw new Error('the server ended without telling its address')
  }

  async stop() {
    const child = this.#child
    if (!child) return
    const ended = new Promise((resolve) => child.on('close', resolve))
    child.kill()
    await ended
    await rm(this.#data, { recursive: true })
  }

  /** Hands on what the page asks of the server, so that both are one origin. */
  readonly handle = async (request: IncomingMessage, body: string, response: ServerResponse): Promise<boolean> => {
    const path = request.url ?? ''
    if (!/^\/(graphql|avatars|fakewechat)/.test(path)) return false
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers
    const answer = await fetch(this.address + path, {
      method: request.method!,
      headers: headers as Record<string, string>,
      ...(request.method !== 'GET' && { body: Buffer.from(body, 'latin1') }),
    })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
    response.end(Buffer.from(await answer.arrayBuffer()))
    return true
  }
}
