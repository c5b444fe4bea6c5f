import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { useFixture, within } from './support/browser'

const own = (path: string) => fileURLToPath(new URL(`../../../miniprogram/${path}`, import.meta.url))
const fixture = useFixture(own('demo'), { packages: { mpauth: own('miniprogram_dist') } }, [/404|Failed to load/])

test('the demo runs as it stands', async () => {
  const page = await fixture.open()
  await page.waitForTimeout(1500)
  await page.screenshot({ path: '/tmp/gx/demo.png' })
  console.log(await within(page, ({ phone }) => JSON.stringify(phone.trace.events, null, 1)))
  expect(await page.locator('wx-page').innerText()).toBe('')
})
