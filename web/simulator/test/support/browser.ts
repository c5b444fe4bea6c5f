import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import type { Control } from '../page/main'

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

/** Serves a page with a Mini Program in it under a strict policy, and opens it in Chromium. */
export class Fixture {
  /** Answers what is not a file of the page. */
  handler: Handler = () => undefined
  readonly problems: string[] = []
  #browser: Browser | undefined
  #page: Page | undefined
  #server = createServer((request, response) => void this.#serve(request, response))
  readonly #directory: string

  /** `directory` is where the page is. */
  constructor(directory: string) {
    this.#directory = directory
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async start() {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.#browser = await chromium.connect(inject('browser'))
  }

  /**
   * Opens the page as if for the first time; `search` may name where to start. One page is for all tests of a file, as
   * nothing of it outlives its being left; a test with a `clock` has one of its own.
   */
  async open(search = '', options: { clock?: boolean } = {}): Promise<Page> {
    const page = options.clock ? await this.#newPage() : (this.#page ??= await this.#newPage())
    if (options.clock) await page.clock.install()
    await page.goto(`${this.address}/${search}`)
    await page.locator('html[data-started]').waitFor({ state: 'attached' })
    return page
  }

  async #newPage(): Promise<Page> {
    const context = await this.#browser!.newContext({ viewport: { width: 500, height: 700 } })
    context.setDefaultTimeout(60_000)
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
    return page
  }

  async stop() {
    await this.#browser?.close() // the connection; the browser is for all files
    this.#server.closeAllConnections()
    this.#server.close()
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

/** A fixture for all tests of a file. Whatever the page complained about fails the file, but what is `expected`. */
export function useFixture(expected: RegExp[] = [], directory: string = inject('program')): Fixture {
  const fixture = new Fixture(directory)
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
