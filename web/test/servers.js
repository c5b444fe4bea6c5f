// Starts the binary as a developer would, each time with data of its own, and stops what it started.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const running = new Map()

/** Starts a server on a free port and returns its address. */
export async function start(environment = {}) {
  const data = await mkdtemp(join(tmpdir(), 'mpauth-web-test-'))
  return run({ MPAUTH_LISTEN: '127.0.0.1:0', MPAUTH_DATA: data, MPAUTH_LOG_LEVEL: 'error', ...environment }, data)
}

/** Stops the server of an address, does what is to be done meanwhile, and starts it there again with its data. */
export async function restart(address, meanwhile = async () => {}) {
  const { child, ended, environment, data } = running.get(address)
  child.kill()
  await ended
  await meanwhile()
  await run({ ...environment, MPAUTH_LISTEN: new URL(address).host, MPAUTH_ADMIN_LISTEN: '127.0.0.1:0' }, data)
}

/** The link for administrators that the server of an address has told, with its key. */
export const administratorsOf = (address) => running.get(address).administrators

export async function stopAll() {
  for (const [address, { child, ended, data }] of running) {
    running.delete(address)
    child.kill()
    await ended
    await rm(data, { recursive: true })
  }
}

async function run(environment, data) {
  const child = spawn(process.env.MPAUTH_BINARY, [], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.on('close', resolve))
  let address
  for await (const line of createInterface({ input: child.stdout })) {
    address ??= line.match(/^ *GraphQL +(http\S+)\/graphql$/)?.[1]
    const administrators = line.match(/^ *(http\S+\/playground#key=\S+)$/)?.[1]
    if (administrators) {
      child.stdout.resume()
      running.set(address, { child, ended, environment, data, administrators })
      return address
    }
  }
  throw new Error('the server ended without telling its address')
}
