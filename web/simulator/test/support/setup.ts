import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import type { TestProject } from 'vitest/node'
import { buildPage } from './build'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the browser of all tests listens. */
    browser: string
    /** Where the page is with the fixture `program` in it. */
    program: string
    /** Where the page is with the demo in it; empty without a server that it could run against. */
    demo: string
  }
}

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** What all files share: a browser, and the pages that they look at. Each takes seconds to make. */
export default async function setup(project: TestProject) {
  const directory = await mkdtemp(join(tmpdir(), 'mpauth-simulator-test-'))
  const program = join(directory, 'program')
  const demo = process.env.MPAUTH_BINARY ? join(directory, 'demo') : ''
  const sdk = '../../../../miniprogram'
  const [browser] = await Promise.all([
    chromium.launchServer({
      executablePath: process.env.MPAUTH_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-quic',
        '--disable-background-networking',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      ],
    }),
    buildPage(at('../fixtures/program'), program),
    demo && buildPage(at(`${sdk}/demo`), demo, { packages: { mpauth: at(`${sdk}/miniprogram_dist`) } }),
  ])
  project.provide('browser', browser.wsEndpoint())
  project.provide('program', program)
  project.provide('demo', demo)
  return async () => {
    await browser.close()
    await rm(directory, { recursive: true })
  }
}
