import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { useFixture, within } from './support/browser'
import { logs, until } from './support/logs'

const fixture = useFixture()

async function parts(): Promise<Page> {
  return fixture.open('?start=pages/parts/index')
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
const color = (page: Page, text: string) =>
  page.getByText(text, { exact: true }).evaluate((e) => getComputedStyle(e).color)

test('a component goes through its life in the order of WeChat, its behaviour first', async () => {
  const page = await parts()
  expect((await until(page, /app launched/)).slice(2, -1)).toEqual([
    'card created',
    'behavior attached Lily',
    'card attached',
    'parts load',
    'behavior page show',
    'card page show',
    'card ready',
    'parts ready',
  ])
  await press(page, 'toggle')
  expect(await until(page, /toggled/)).toEqual(['card detached', 'toggled'])
})

test('slots, WXS, templates, lists and generics of the template come out', async () => {
  const page = await parts()
  const text = await page.locator('wx-page').innerText()
  expect(text).toContain('genericdefault')
  expect(text).toMatch(/^the head\n\s*2 doubled 4\ninner 2\na badge\n?row a\n?0:1\n1:2/)
})

test('observers see what changes, and setData takes only what JSON can say', async () => {
  const page = await parts()
  await press(page, 'add')
  expect(await until(page, /^data/)).toContain(
    'data {"items":[1,2,0],"shown":true,"when":"1970-01-01T00:00:00.000Z","word":"a"}',
  )
  expect(await page.locator('wx-page').innerText()).toContain('3 doubled 6')
})

test('methods of components are called through selectComponent', async () => {
  const page = await parts()
  await press(page, 'greet')
  expect(await until(page, /hello/)).toContain('hello Lily 1 ')
  expect(await page.locator('wx-page').innerText()).toContain('hello Lily 2')
})

test('an event goes up through components with its mark, and names who heard it', async () => {
  const page = await parts()
  await page.getByText('inner 2').click()
  expect(await until(page, /^told/)).toContain('told 2 parts 7')
})

test('style sheets belong to their page and component, as styleIsolation says', async () => {
  const page = await parts()
  expect(await color(page, 'a badge')).toBe('rgb(9, 9, 9)')
  expect(await color(page, '2 doubled 4')).toBe('rgb(7, 7, 7)') // the class of the page does not get in
  expect(await color(page, 'inner 2')).toBe('rgb(7, 7, 7)') // by the external class, on top of app.wxss
  expect(await color(page, '1970-01-01T00:00:00.000Z')).toBe('rgb(1, 2, 3)')
  const marked = page.locator('#marked')
  expect(await marked.evaluate((e) => [getComputedStyle(e).width, getComputedStyle(e).paddingLeft])).toEqual([
    '375px',
    '5px',
  ])
  expect(await marked.evaluate((e) => getComputedStyle(e).fontWeight)).toBe('400') // bold on another page only
})

test('elements can be measured', async () => {
  const page = await parts()
  await press(page, 'measure')
  expect(await until(page, /^width/)).toContain('width 380')
})

test('everything that is tapped can be pressed by keyboard, and has its role and name', async () => {
  const page = await parts()
  const button = page.getByRole('button', { name: 'pressed' })
  await button.focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Space')
  expect((await logs(page)).filter((line) => /hello/.test(line))).toHaveLength(2)
  await press(page, 'toggle')
  await button.waitFor({ state: 'hidden' })
})

test('what is held has its hover-class', async () => {
  const page = await parts()
  const held = page.getByText('hold', { exact: true })
  await held.hover()
  await page.mouse.down()
  expect(await color(page, 'hold')).toBe('rgb(0, 0, 255)')
  await page.mouse.up()
  expect(await color(page, 'hold')).not.toBe('rgb(0, 0, 255)')
})

test('rich text leaves out what WeChat does not allow', async () => {
  const page = await parts()
  expect(await page.locator('wx-rich-text').innerHTML()).toBe('<b class="x">bold</b>')
})

test('a picture of the project is shown by its address in the bundle', async () => {
  const page = await parts()
  const picture = page.locator('wx-image img')
  await expect.poll(() => picture.evaluate((e) => (e as HTMLImageElement).naturalWidth)).toBeGreaterThan(1)
  expect(await page.locator('wx-image').getAttribute('aria-label')).toBe('a dot')
})

test('a form gives what its fields hold, and takes it back', async () => {
  const page = await fixture.open('?start=pages/forms/index')
  await page.getByLabel('Text', { exact: true }).fill('hello')
  await page.getByLabel('Upper').fill('up')
  await page.getByLabel('Story').fill('once')
  await page.getByText('pear').click()
  await page.getByText('choose large').click()
  await page.getByRole('switch').click()
  await page.getByText('pick one').click()
  expect(await until(page, /change pick/)).toEqual(
    expect.arrayContaining(['change fruits ["apple","pear"]', 'change size "l"', 'change on true', 'change pick 1']),
  )
  expect(await page.locator('#echo').innerText()).toBe('hello')
  await press(page, 'submit')
  expect(await until(page, /^submit/)).toContain(
    'submit {"text":"hello","upper":"UP","nickname":"","story":"once","fruits":["apple","pear"],"size":"l","on":true,"pick":1,"stars":5}',
  )
  await page.getByRole('button', { name: 'never' }).click({ force: true })
  await press(page, 'reset')
  await press(page, 'submit')
  expect(await until(page, /^submit/)).toEqual([
    'reset',
    'submit {"text":"","upper":"","nickname":"","story":"","fruits":["apple"],"size":"s","on":false,"pick":null,"stars":5}',
  ])
})

test('a field tells of the key that confirms, and keeps its maximal length', async () => {
  const page = await fixture.open('?start=pages/forms/index')
  const field = page.getByLabel('Text', { exact: true })
  await field.pressSequentially('123456789')
  await field.press('Enter')
  expect(await until(page, /^confirm/)).toContain('confirm 12345')
})

test('a nickname is reviewed after the field was left, and cleared when it does not pass', async () => {
  const page = await fixture.open('?start=pages/forms/index')
  const field = page.getByLabel('Nickname')
  await until(page, /app launched/)
  const leave = async (nickname: string, last = /^review/) => {
    await field.fill(nickname)
    await field.blur()
    const lines = await until(page, last)
    return [await field.inputValue(), ...lines]
  }
  expect(await leave('unseen', /^blur/)).toEqual(['unseen', 'blur unseen']) // without consent the field is a plain one
  const library = (SDKVersion: string) => within(page, ({ phone }, v) => phone.change({ SDKVersion: v }), SDKVersion)
  await library('2.20.0') // knows of neither nicknames nor consent
  expect(await leave('unseen', /^blur/)).toEqual(['unseen', 'blur unseen'])
  await library('2.31.0')
  expect(await leave('Lily')).toEqual(['Lily', 'blur Lily', 'review {"pass":true,"timeout":false}'])
  await library('3.17.0')
  await within(page, ({ phone }) => phone.program!.privacy.agree())
  expect(await leave('Lily')).toEqual(['Lily', 'blur Lily', 'review {"pass":true,"timeout":false}'])
  await within(page, ({ script }) => {
    script.nickname = 'reject'
  })
  expect(await leave('rude')).toEqual(['', 'blur rude', 'review {"pass":false,"timeout":false}'])
  await within(page, ({ script }) => {
    script.nickname = 'timeout'
  })
  expect(await leave('slow')).toEqual(['slow', 'blur slow', 'review {"pass":false,"timeout":true}'])
})
