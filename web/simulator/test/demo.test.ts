import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { useFixture, within } from './support/browser'
import { Server } from './support/server'

const binary = process.env.MPAUTH_BINARY

/** The path of the page on the screen. */
const shown = (page: Page) => within(page, ({ phone }) => phone.program!.navigation.top!.path)

describe.skipIf(!binary)('the demo as it stands, against the server', () => {
  const fixture = useFixture([], inject('demo'))
  const server = new Server(binary!)
  beforeAll(async () => {
    await server.start()
    fixture.handler = server.handle
  })
  afterAll(() => server.stop())

  test('somebody buys, refuses, then gives a phone number, and the order goes on by itself', async () => {
    const page = await fixture.open('?box')
    await page.getByRole('button', { name: /明前龙井/ }).click()
    await within(page, ({ script }) => {
      script.phone = null
    })
    await page.locator('wx-button.primary').click()
    const sheet = page.getByRole('dialog')
    const button = sheet.locator('#mpauth-phone wx-button')
    await button.click()
    await sheet.getByRole('alert').waitFor()
    expect(await shown(page)).toBe('pages/item/index')
    await within(page, ({ script }) => {
      script.phone = 'own'
    })
    await button.click()
    await expect.poll(() => shown(page)).toBe('pages/orders/index')
    await page.getByText(/\d{3}\*{4}\d{4}/).waitFor()
    expect(await within(page, ({ script }) => script.seen)).toContain('toast success 下单成功')

    // The phone is killed and started again: the person is still who they were.
    await within(page, ({ phone }) => phone.start('pages/profile/index'))
    await page
      .locator('wx-person-card')
      .getByText(/\d{3}\*{4}\d{4}/)
      .waitFor()
  })

  test('somebody chooses an avatar and a nickname', async () => {
    const page = await fixture.open('?box&start=pages/profile/index')
    await within(page, ({ phone }) => phone.handTo('tom', 'pages/profile/index'))
    await page.locator('wx-view[role=button]').first().click()
    await page.locator('#mpauth-avatar').click()
    await page.locator('#mpauth-agree').click() // the demo asks for consent on a sheet of its own
    await page.locator('#mpauth-avatar img').waitFor()
    await page.locator('wx-user-container input').fill('Tom')
    await page.locator('wx-user-container wx-button').last().click()
    await page.getByText('Tom', { exact: true }).waitFor()
    const picture = page.locator('wx-person-card img')
    await expect.poll(() => picture.getAttribute('src')).toMatch(/\/avatars\//)
    await expect.poll(() => picture.evaluate((e) => (e as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
  })
})
