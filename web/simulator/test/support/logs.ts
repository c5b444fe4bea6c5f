import type { Page } from 'playwright-core'
import { within } from './browser'

/** The lines that the fixture has written since the last call. */
export function logs(page: Page): Promise<string[]> {
  return within(page, ({ phone }) => {
    const own = phone as typeof phone & { told?: number }
    const from = own.told ?? 0
    const lines = phone.trace.events.filter((e) => e.kind === 'log' && e.name === 'log' && e.id > from)
    own.told = phone.trace.events.at(-1)?.id ?? 0
    return lines.map((e) => String(e.detail))
  })
}

/** Waits until the fixture has written a line, and returns all since the last call. */
export async function until(page: Page, line: RegExp): Promise<string[]> {
  const found: string[] = []
  for (let i = 0; i < 500; i++) {
    found.push(...(await logs(page)))
    if (found.some((text) => line.test(text))) return found
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 20)))
  }
  throw new Error(`${line} never came; there was: ${found.join('; ')}`)
}
