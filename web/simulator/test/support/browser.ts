import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, expect } from 'vitest'
import { miniProgram } from '../../compile/plugin'
import type { CompileOptions } from '../../compile/index'
import type { Control } from '../page/main'

const here = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))

/** No more than the real page has: neither inline scripts and styles nor code made of text. */
const policy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; base-uri 'none'; form-action 'none'"

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
}

type Handler = (
  request: IncomingMessage,
  body: string,
  response: ServerResponse,
) => boolean | undefined | Promise<boolean | undefined>

/** Builds a Mini Program, serves it under a strict policy, and opens it in Chromium. */
export class Fixture {
  /** Answers what is not a file of the page. */
  handler: Handler = () => undefined
  readonly problems: string[] = []
  #browser: Browser | undefined
  #server = createServer((request, response) => void this.#serve(request, response))
  #directory = ''
  readonly #program: string
  readonly #options: CompileOptions

  constructor(program: string, options: CompileOptions = {}) {
    this.#program = program
    this.#options = options
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async start() {
    this.#directory = await mkdtemp(join(tmpdir(), 'mpauth-simulator-test-'))
    await build({
      configFile: false,
      root: here('page'),
      logLevel: 'error',
      plugins: [miniProgram(this.#program, { warn: (message) => this.problems.push(message), ...this.#options })],
      build: { outDir: this.#directory, assetsInlineLimit: 0, modulePreload: false, target: 'es2022' },
    })
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.#browser = await chromium.launch({
      executablePath: process.env.MPAUTH_CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-quic',
        '--disable-background-networking',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      ],
    })
  }

  /** Opens a page of its own; `search` may name where to start. */
  async open(search = '', options: { clock?: boolean } = {}): Promise<Page> {
    const context = await this.#browser!.newContext({ viewport: { width: 500, height: 700 } })
    const page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.problems.push(message.text())
    })
    page.on('pageerror', (error) => this.problems.push(String(error)))
    await page.addInitScript(() =>
      addEventListener('securitypolicyviolation', (e) =>
        console.error('policy', e.violatedDirective, e.blockedURI, e.sourceFile),
      ),
    )
    if (options.clock) await page.clock.install()
    await page.goto(`${this.address}/${search}`)
    await page.locator('html[data-started]').waitFor({ state: 'attached' })
    return page
  }

  async stop() {
    await this.#browser?.close()
    this.#server.closeAllConnections()
    this.#server.close()
    if (this.#directory) await rm(this.#directory, { recursive: true })
  }

  async #serve(request: IncomingMessage, response: ServerResponse) {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (await this.handler(request, Buffer.concat(chunks).toString('latin1'), response)) return
    const path = new URL(request.url!, 'http://x').pathname
    const file = join(this.#directory, path === '/' ? 'index.html' : path)
    const content = await readFile(file).catch(() => undefined)
    response.writeHead(content ? 200 : 404, {
      'content-type': types[extname(file)] ?? 'text/plain',
      'content-security-policy': policy,
    })
    response.end(content)
  }
}

/** A fixture for all tests of a file. Whatever the page complained about fails the file. */
export function useFixture(program: string, options: CompileOptions = {}, expected: RegExp[] = []): Fixture {
  const fixture = new Fixture(program.startsWith('/') ? program : here(`fixtures/${program}`), options)
  beforeAll(() => fixture.start())
  afterAll(async () => {
    await fixture.stop()
    expect(fixture.problems.filter((problem) => !expected.some((e) => e.test(problem)))).toEqual([])
  })
  return fixture
}

/** Calls a function in the page with the phone and its scripted person. */
export async function within<T, A = undefined>(
  page: Page,
  run: (control: Control, argument: A) => T | Promise<T>,
  argument?: A,
): Promise<T> {
  const control = await page.evaluateHandle(() => (window as unknown as { control: Control }).control)
  return control.evaluate(run as never, argument as never) as Promise<T>
}
