import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { TmplGroup } from 'glass-easel-template-compiler'
import { parse, validate } from 'graphql'
import { describe, expect, it, vi } from 'vitest'
import { contract, demo, files, type Loose, start, text, type World } from './world'

const app = JSON.parse(text('app.json'))
const pages: string[] = app.pages
const wxml = files('.wxml')

describe('the files', () => {
  it('are there for every page, and every component that one uses', () => {
    for (const page of pages) {
      for (const end of ['.js', '.json', '.wxml']) expect(existsSync(join(demo, page + end)), page + end).toBe(true)
    }
    for (const path of ['app.json', ...files('index.json')]) {
      const used: string[] = Object.values(JSON.parse(text(path)).usingComponents ?? {})
      for (const name of used) {
        const source = name.startsWith('/') ? `demo${name}.js` : `${name.replace(/^mpauth\//, '')}.ts`
        expect(existsSync(join(demo, '..', source)), `${path}: ${name}`).toBe(true)
      }
    }
    for (const { iconPath, selectedIconPath } of app.tabBar.list) {
      for (const picture of [iconPath, selectedIconPath]) expect(existsSync(join(demo, picture))).toBe(true)
    }
  })

  it.each(wxml)('%s compiles for glass-easel without a warning', (path) => {
    expect(new TmplGroup().addTmpl(path, text(path))).toEqual([])
  })

  it.each(wxml)('%s binds events with a colon, to functions that there are', async (path) => {
    const source = text(path)
    expect(source).not.toMatch(/\s(?:bind|catch)(?!:)\w+=/)
    const { units } = await start()
    const unit = units.get(path.replace('.wxml', ''))
    for (const [, name = ''] of source.matchAll(/(?:bind|catch):\w+="(\w+)"/g)) {
      expect(unit[name] ?? unit.methods?.[name], `${path}: ${name}`).toBeTypeOf('function')
    }
  })

  it.each(pages)('%s brings the question for consent where it touches private data', (page) => {
    const wants = /<(auth-popup|auth-page|user-container|phone-container)|wx\.setClipboardData/
    if (wants.test(text(`${page}.wxml`) + text(`${page}.js`))) {
      expect(text(`${page}.wxml`)).toContain('<privacy-popup auto lang="{{lang}}" />')
    }
  })

  it('ask the server for what its contract has', () => {
    const schema = contract()
    const documents = files('.js').flatMap((path) => [...text(path).matchAll(/'((?:query|mutation) [^']+)'/g)])
    expect(documents.length).toBeGreaterThan(3)
    for (const [, document = ''] of documents) expect(validate(schema, parse(document)), document).toEqual([])
  })
})

describe('the words', () => {
  it('are there in both languages', async () => {
    const { default: zh } = await import('../../demo/words/zh.js' as string)
    const { default: en } = await import('../../demo/words/en.js' as string)
    expect(shape(en)).toEqual(shape(zh))
  })

  it.each(wxml)('%s shows none that are missing', async (path) => {
    const { units } = await start()
    const { data } = units.get(path.replace('.wxml', ''))
    for (const [, section = '', word = ''] of text(path).matchAll(/\b(t|common)\.(\w+)/g)) {
      expect(data[section], `${path}: ${word}`).toHaveProperty(word)
    }
  })

  it('are English where WeChat is', async () => {
    const world = await start(new Map(), 'en')
    expect(world.open('/pages/home/index').data.t.orders).toBe('My orders')
  })
})

describe('the shop', () => {
  it('is open to visitors', async () => {
    const world = await start()
    const home = world.open('/pages/home/index')
    expect(home.data.goods).toHaveLength(6)
    await until(() => expect(home.data.hello).toBe('小铺'))
    expect(world.asked).toEqual([])
  })

  it('asks for a phone at the first order, which then goes on by itself', async () => {
    const world = await start()
    const item = world.open('/pages/item/index?id=mug')
    const order = item.buy()
    await until(() => expect(world.asked).toEqual([['PHONE']]))
    expect(world.sent).not.toContain('Checkout')

    await givePhone(world)
    await order
    const orders = world.stack.at(-1)
    await until(() => expect(orders.data.orders).toMatchObject([{ itemId: 'mug', phone: '138****0000' }]))
    expect(orders.route).toBe('pages/orders/index')
    expect(world.toasts).toEqual(['下单成功'])
  })

  it('orders nothing for a person who closes the sheet, and says nothing', async () => {
    const world = await start()
    const order = world.open('/pages/item/index?id=mug').buy()
    await until(() => expect(world.asked).toHaveLength(1))
    world.session().rejectAuth()
    await order
    expect(world.stack).toHaveLength(1)
    expect(world.toasts).toEqual([])
  })

  it('comes back to the orders with the query that they were opened with', async () => {
    const world = await start()
    const orders = world.open('/pages/orders/index?status=paid&from=share')
    await until(() => expect(world.stack).toHaveLength(2))
    expect(world.stack[1].route).toBe('pages/auth/index')
    expect(world.stack[1].data.query).toMatchObject({ need: 'PHONE' })
    expect(orders.data.authorized).toBe(false)

    world.stack.pop()
    await givePhone(world)
    await until(() => expect(orders.data.opened).toBe('打开本页时的参数：status=paid&from=share'))
  })

  it('offers the way to the orders again to a person who declined', async () => {
    const world = await start()
    const orders = world.open('/pages/orders/index?status=paid')
    await until(() => expect(world.stack).toHaveLength(2))
    world.stack.pop()
    world.session().rejectAuth()
    expect(orders.data).toMatchObject({ authorized: false, declined: true })

    const again = orders.again()
    await until(() => expect(world.stack).toHaveLength(2))
    world.stack.pop()
    await givePhone(world)
    await again
    expect(orders.data.authorized).toBe(true)
  })
})

describe('the scenarios', () => {
  it('ask only for the rest after a break', async () => {
    const world = await start()
    const page = world.open('/pages/scenarios/both/index')
    const first = page.sell()
    await until(() => expect(world.asked).toEqual([['PROFILE', 'PHONE']]))
    await world.session().updateUser({ nickname: 'Lily' })
    world.session().rejectAuth()
    await first
    expect(page.log).toEqual([])

    const second = page.sell()
    await until(() => expect(world.asked.at(-1)).toEqual(['PHONE']))
    await givePhone(world)
    await second
    expect(page.log).toEqual(['done'])
  })

  it('can be tried again', async () => {
    const world = await start()
    const page = world.open('/pages/scenarios/both/index')
    await world.session().updateUser({ nickname: 'Lily' })
    await givePhone(world)
    await page.reset()
    expect(world.session().missing()).toEqual(['PROFILE', 'PHONE'])
  })

  it('show the flow of the server', async () => {
    const world = await start()
    const page = world.open('/pages/scenarios/index/index')
    await until(() => expect(page.data.flow).toBe('服务端的流程：头像昵称 → 手机号'))
    expect(page.data.mismatch).toBe(false)
  })
})

describe('the settings', () => {
  it('list the devices', async () => {
    const world = await start()
    const page = world.open('/pages/settings/index')
    await until(() => expect(page.data.devices).toMatchObject([{ id: 's1', current: true, name: 'iPhone 15' }]))
  })

  it('log out for good, until the person logs in', async () => {
    const world = await start()
    const page = world.open('/pages/settings/index')
    await until(() => expect(page.data.devices).toHaveLength(1))
    await page.logout()
    expect(page.data).toMatchObject({ loggedOut: true, devices: [], stepName: '未登录' })
    expect(page.data.steps.map(({ reached }: Loose) => reached)).toEqual([false, false, false])

    const next = await start(world.storage)
    const again = next.open('/pages/settings/index')
    await again.load()
    expect(next.sent).not.toContain('SilentLogin')
    expect(again.data.loggedOut).toBe(true)

    await again.login()
    expect(again.data).toMatchObject({ loggedOut: false, devices: [{ id: 's1' }] })
  })

  it('take the phone number back', async () => {
    const world = await start()
    const page = world.open('/pages/settings/index')
    await givePhone(world)
    expect(page.data.hasPhone).toBe(true)
    await page.unbindPhone()
    expect(page.data.hasPhone).toBe(false)
  })
})

describe('leaving', () => {
  it('closes the account, and keeps it when the person thinks better of it', async () => {
    const world = await start()
    const page = world.open('/pages/settings/index')
    await until(() => expect(page.data.devices).toHaveLength(1))
    await page.deleteAccount()
    expect(page.data).toMatchObject({ loggedOut: true, devices: [] })
    expect(world.toasts.at(-1)).toMatch(/^将于 .+ 删除$/)

    world.refuses = true
    await page.login()
    expect(world.modals.at(-1)).toMatch(/^该账号将于 .+ 删除。要保留账号并登录吗？$/)
    expect(page.data.loggedOut).toBe(true)
    expect(world.sent).not.toContain('RestoreAccount')

    world.refuses = false
    world.session().fuse.reset() // people take longer than a test between two taps
    await page.login()
    expect(world.sent).toContain('RestoreAccount')
    expect(page.data).toMatchObject({ loggedOut: false, devices: [{ id: 's1' }] })
  })

  it('takes the data along', async () => {
    const world = await start()
    const page = world.open('/pages/settings/index')
    await page.exportData()
    await until(() => expect(world.toasts).toEqual(['{"user":{}}', '已复制']))
  })

  it('says when the data could not be copied', async () => {
    const world = await start()
    world.refuses = true
    await world.open('/pages/settings/index').exportData()
    await until(() => expect(world.toasts).toEqual(['没有复制']))
  })
})

describe('the profile', () => {
  it('saves what the containers report', async () => {
    const world = await start()
    const page = world.open('/pages/profile/index')
    await page.saveProfile({ detail: { nickname: 'Lily', avatarPath: '' } })
    await page.savePhone({ detail: { code: 'phone-code' } })
    expect(page.data).toMatchObject({ name: 'Lily', phone: '138****0000', step: 3, busy: false })
    expect(world.toasts).toEqual(['已保存', '已保存'])
  })
})

/** Waits for as long as a machine may take that does much else. */
function until(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 60_000 })
}

async function givePhone(world: World): Promise<void> {
  await world.session().updatePhone({ code: 'phone-code' })
  world.session().resolveAuth()
}

/** The keys of words, and of those in them. */
function shape(words: Loose): unknown {
  if (typeof words !== 'object') return typeof words
  return Object.fromEntries(Object.entries(words).map(([key, value]) => [key, shape(value)]))
}
