import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { useFixture, within } from './support/browser'
import { until } from './support/logs'

const fixture = useFixture()
const open = () => fixture.open('?start=pages/buttons/index')
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
const agree = (page: Page) => within(page, ({ phone }) => phone.program!.privacy.agree())
const seen = (page: Page) => within(page, ({ script }) => script.seen)

/** Taps a button and returns the detail of the event that it gives. */
async function tap(page: Page, name: string, event: string): Promise<Record<string, unknown>> {
  await press(page, name)
  const line = (await until(page, new RegExp(`^${event} `))).find((text) => text.startsWith(`${event} `))!
  return JSON.parse(line.slice(event.length + 1)) as Record<string, unknown>
}

test('the quick phone button gives a code and a sealed number, the realtime one a code', async () => {
  const page = await open()
  await agree(page)
  expect(await tap(page, 'phone', 'getphonenumber')).toEqual({
    code: 'phone-code-',
    encryptedData: 'sealed',
    iv: 'vector',
    errMsg: 'getPhoneNumber:ok',
  })
  expect(await tap(page, 'realtime', 'getrealtimephonenumber')).toEqual({
    code: 'phone-code-',
    errMsg: 'getRealtimePhoneNumber:ok',
  })
  await within(page, ({ script }) => {
    script.phone = '13900139000'
  })
  expect(await tap(page, 'phone', 'getphonenumber')).toMatchObject({ code: 'phone-code-139*****000' }) // as the trace shows it
})

test('an old base library gives a sealed number alone', async () => {
  const page = await open()
  await agree(page)
  await within(page, ({ phone }) => phone.change({ SDKVersion: '2.20.0' }))
  expect(await tap(page, 'phone', 'getphonenumber')).toEqual({
    encryptedData: 'sealed',
    iv: 'vector',
    errMsg: 'getPhoneNumber:ok',
  })
})

test('an open-type that came later than the base library is none', async () => {
  const page = await open()
  await within(page, ({ phone }) => phone.change({ SDKVersion: '2.21.1' }))
  await press(page, 'avatar')
  await press(page, 'consent')
  await tap(page, 'phone', 'getphonenumber') // which has been there all along, and comes after the others
  expect((await seen(page)).filter((line) => line !== 'no toast')).toEqual(['phone'])
})

test('a refusal is told in the words of the platform', async () => {
  const page = await open()
  await agree(page)
  await within(page, ({ script }) => {
    script.phone = null
  })
  expect(await tap(page, 'phone', 'getphonenumber')).toEqual({ errMsg: 'getPhoneNumber:fail user deny' })
  await within(page, ({ phone }) => phone.change({ platform: 'android' }))
  expect(await tap(page, 'phone', 'getphonenumber')).toEqual({ errMsg: 'getPhoneNumber:fail:user deny' })
})

test('what the account may not do has its numbers', async () => {
  const page = await open()
  await agree(page)
  const with_ = async (change: Record<string, unknown>, button = 'phone') => {
    await within(page, ({ phone }, c) => void Object.assign(phone.account, c), change)
    const detail = await tap(page, button, 'getphonenumber')
    return [detail.errno, detail.errMsg]
  }
  expect(await with_({ phoneQuota: false })).toEqual([1400001, 'getPhoneNumber:fail appid no enough quota'])
  expect(await seen(page)).toContain('quota')
  await within(page, ({ script }) => void script.seen.splice(0))
  await with_({}, 'quiet phone')
  expect(await seen(page)).not.toContain('quota')
  expect(await with_({ phoneBlocked: true })).toEqual([1421102, 'getPhoneNumber:fail user is blocked'])
  expect(await with_({ mayAskPhone: false })).toEqual([102, 'getPhoneNumber:fail no permission'])
  await within(page, ({ phone }) => void phone.account.declared.delete('phoneNumber'))
  expect(await with_({ mayAskPhone: true, phoneBlocked: false })).toEqual([
    112,
    'getPhoneNumber:fail api scope is not declared in the privacy agreement',
  ])
  expect(await with_({ privacyBanned: true })).toEqual([1025, 'getPhoneNumber:fail appid privacy api banned'])
})

test('without a handler the phone sheet asks for consent too, and before that WeChat asked on a sheet of its own', async () => {
  const page = await open()
  await within(page, ({ script }) => {
    script.phone = null
    script.privacy = 'disagree'
  })
  expect(await tap(page, 'phone', 'getphonenumber')).toEqual({ errno: 103, errMsg: 'getPhoneNumber:fail user deny' })
  expect(await seen(page)).toContain('phone with privacy')
  await within(page, ({ phone }) => phone.change({ SDKVersion: '3.3.0' }))
  const refused = { errno: 104, errMsg: 'getPhoneNumber:fail privacy permission is not authorized' }
  expect(await tap(page, 'phone', 'getphonenumber')).toEqual(refused)
  expect(await tap(page, 'phone', 'getphonenumber')).toEqual(refused)
  expect((await seen(page)).filter((line) => line === 'privacy getPhoneNumber')).toHaveLength(1) // ten seconds of rest
})

test('with a handler everything waits for a real tap on the button of consent', async () => {
  const page = await open()
  await press(page, 'ask')
  await press(page, 'phone')
  expect(await until(page, /needed/)).toContain('needed for getPhoneNumber')
  await press(page, 'early') // agrees without the tap: not consent
  await press(page, 'consent')
  const lines = await until(page, /^getphonenumber/)
  expect(lines[0]).toContain('agreeprivacyauthorization')
  expect(lines.at(-1)).toContain('getPhoneNumber:ok')
  await within(page, ({ phone }) => phone.forget())
  await press(page, 'avatar')
  await until(page, /needed for chooseAvatar/)
  await press(page, 'refuse')
  await expect
    .poll(() => within(page, ({ phone }) => JSON.stringify(phone.trace.events.at(-1))))
    .toContain('privacy permission is not authorized')
})

test('the combined button takes consent and phone number with one tap', async () => {
  const page = await open()
  expect(await tap(page, 'both', 'getphonenumber')).toMatchObject({ errMsg: 'getPhoneNumber:ok' })
  expect(await within(page, ({ phone }) => phone.program!.privacy.agreed)).toBe(true)
})

test('an avatar is a temporary file, and nothing when the sheet was closed', async () => {
  const page = await open()
  await agree(page)
  expect((await tap(page, 'avatar', 'chooseavatar')).avatarUrl).toMatch(/^wxfile:\/\/tmp_[0-9a-f]{32}\.png$/)
  await expect.poll(() => page.locator('wx-image img').evaluate((e) => (e as HTMLImageElement).naturalWidth)).toBe(1)
  await within(page, ({ script }) => {
    script.avatar = null
  })
  await press(page, 'avatar')
  await expect
    .poll(() => within(page, ({ phone }) => phone.trace.events.at(-1)!.detail))
    .toBe('chooseAvatar:fail cancel')
})

test('on Android choosing an avatar takes the program to the background and back', async () => {
  const page = await open()
  await agree(page)
  await within(page, ({ phone }) => phone.change({ platform: 'android' }))
  await press(page, 'avatar')
  expect((await until(page, /^chooseavatar/)).slice(-3)).toEqual([
    'app hide',
    'app show',
    expect.stringContaining('chooseavatar'),
  ])
})

test('the profile button tells what everybody is told, and why it does not', async () => {
  const page = await open()
  await within(page, ({ script }) => {
    script.privacy = 'disagree'
  })
  expect(await tap(page, 'profile', 'getuserinfo')).toEqual({
    errno: 104,
    errMsg: 'getUserInfo:fail privacy permission is not authorized',
  })
  await agree(page)
  expect((await tap(page, 'profile', 'getuserinfo')).userInfo).toMatchObject({ nickName: '微信用户', gender: 0 })
})
