// Starts the binary as a developer would, each time with data of its own, and stops what it started.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const running = []

/** Starts a server on a free port and returns its address. */
export async function start(environment = {}) {
  const data = await mkdtemp(join(tmpdir(), 'mpauth-web-test-'))
  const child = spawn(process.env.MPAUTH_BINARY, [], {
    env: { MPAUTH_LISTEN: '127.0.0.1:0', MPAUTH_DATA: data, MPAUTH_LOG_LEVEL: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.on('close', resolve))
  running.push({ child, ended, data })
  for await (const line of createInterface({ input: child.stdout })) {
    const address = line.match(/^ *GraphQL +(http\S+)\/graphql$/)?.[1]
    if (address) {
      child.stdout.resume()
      return address
    }
  }
  throw new Error('the server ended without telling its address')
}

export async function stopAll() {
  for (const { child, ended, data } of running.splice(0)) {
    child.kill()
    await ended
    await rm(data, { recursive: true })
  }
}
