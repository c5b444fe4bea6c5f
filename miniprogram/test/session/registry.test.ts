import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findSession, useSession } from '../../src/session/registry'
import { createSession } from '../../src/session/session'
import { World } from '../support/world'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

/** A copy of the SDK such as an independent sub-package brings. */
async function otherCopy() {
  vi.resetModules()
  const { createSession } = await import('../../src/session/session')
  const { findSession } = await import('../../src/session/registry')
  return { createSession, findSession }
}

describe('two copies of the SDK in one app', () => {
  test('share one session, one login and one refresh, whoever comes first', async () => {
    const first = world.open()
    const other = await otherCopy()
    const second = other.createSession(world.options())

    expect(second).toBe(first)
    expect(other.findSession()).toBe(first)
    await Promise.all([first.getToken(), second.getToken(), first.refreshLogin(), second.refreshLogin()])
    expect(world.traffic.login).toBe(1)
    expect(world.log.filter(([method]) => method === 'warn')).toEqual([])
  })

  test('share it also before the App is there', async () => {
    const first = world.open()
    expect(world.wx.app).toMatchObject({ __mpAuth: { v: 1, sessions: { default: first } } })
  })

  test('have one each where the platform shares nothing', async () => {
    const { shared: _, ...platform } = world.platform
    const first = world.open({ platform })
    const other = await otherCopy()
    const second = other.createSession({ ...world.options(), platform })
    expect(second).not.toBe(first)
    second.destroy()
    expect(findSession()).toBe(first)
  })

  test('leave the registry of another version alone', () => {
    const registry = { v: 2, sessions: {} }
    world.wx.app = { __mpAuth: registry }
    const session = createSession(world.options())
    expect(findSession()).toBe(session)
    expect(registry).toEqual({ v: 2, sessions: {} })
  })
})

describe('sessions', () => {
  test('have names, and are found by them', () => {
    const session = world.open()
    const shop = world.open({ name: 'shop' })
    expect(useSession()).toBe(session)
    expect(useSession('shop')).toBe(shop)
    shop.destroy()
    expect(findSession('shop')).toBeUndefined()
    expect(() => useSession('shop')).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })

  test('created twice with a name are the first, with a warning', () => {
    const session = world.open()
    expect(createSession({ ...world.options(), flow: ['PHONE'] })).toBe(session)
    expect(world.log.filter(([method]) => method === 'warn')).toHaveLength(1)
  })

  test.each(['platform', 'backend'])('without a %s are a mistake, which is told at once', (name) => {
    const options = { ...world.options(), [name]: undefined }
    expect(() => createSession(options)).toThrow(`CONFIG: createSession without ${name}`)
    expect(findSession()).toBeUndefined()
  })

  test('that were destroyed make room for new ones', () => {
    const session = world.open()
    session.destroy()
    const next = createSession(world.options())
    expect(next).not.toBe(session)
    session.destroy()
    expect(findSession()).toBe(next)
  })
})
