import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MpAuthError } from '../../src/errors'
import type { SessionEvents } from '../../src/session/types'
import { type AuthFlow, AuthStep } from '../../src/step'
import { World } from '../support/world'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

const { ONE, TWO, THREE } = AuthStep
const facts = [
  { nickname: null, phone: null },
  { nickname: 'Ann', phone: null },
  { nickname: null, phone: '138****0000' },
  { nickname: 'Ann', phone: '138****0000' },
]

describe('the step of a person (D8)', () => {
  test.each<[string, AuthFlow, AuthStep[]]>([
    ['profile, then phone', ['PROFILE', 'PHONE'], [ONE, TWO, ONE, THREE]],
    ['phone, then profile', ['PHONE', 'PROFILE'], [ONE, ONE, TWO, THREE]],
    ['phone', ['PHONE'], [ONE, ONE, THREE, THREE]],
    ['profile', ['PROFILE'], [ONE, THREE, ONE, THREE]],
  ])('in the flow %s', async (_, flow, steps) => {
    for (const [i, given] of facts.entries()) {
      Object.assign(world.server.person, given)
      world.wx.stored.clear()
      const session = world.open({ flow })
      expect(session.currentAuthStep()).toBe(ONE)
      await session.login()
      expect(session.currentAuthStep()).toBe(steps[i])
      expect([session.hasUser(), session.hasPhone()]).toEqual([given.nickname !== null, given.phone !== null])
      expect(session.missing().length === 0).toBe(steps[i] === THREE)
      world.clock.set(world.clock.now() + 10_000)
    }
  })

  test('of nobody is the first, and all is missing', () => {
    const session = world.open()
    expect(session.currentAuthStep()).toBe(ONE)
    expect(session.missing()).toEqual(['PROFILE', 'PHONE'])
    expect(session.missing(['PHONE'])).toEqual(['PHONE'])
    expect([session.hasUser(), session.hasPhone(), session.hasUnionId()]).toEqual([false, false, false])
  })

  test('goes up and down with what is given and taken back, and the app is told', async () => {
    const session = world.open()
    const steps: SessionEvents['auth:step'][] = []
    session.events.on('auth:step', (step) => steps.push(step))

    await session.updateUser({ nickname: 'Ann' })
    await session.updatePhone({ code: 'phone-code' })
    await session.unbindPhone()
    await session.updatePhone({ code: 'phone-code' })
    await session.logout()

    expect(steps).toEqual([
      { from: ONE, to: TWO },
      { from: TWO, to: THREE },
      { from: THREE, to: TWO },
      { from: TWO, to: THREE },
      { from: THREE, to: ONE },
    ])
  })
})

describe('the user', () => {
  test('that a call brings is in the session, in its status and in storage', async () => {
    const session = world.open()
    const user = await session.updateUser({ nickname: 'Ann' })
    expect(session.user).toEqual(user)
    expect(session.status.login.value?.user).toEqual(user)
    expect(world.open().user).toEqual(user)
  })

  test('is asked for anew by me', async () => {
    const session = world.open()
    await session.login()
    world.server.person.nickname = 'Ann'
    expect((await session.me()).nickname).toBe('Ann')
    expect(session.hasUser()).toBe(true)
  })

  test('gets the picture uploaded first, and what was left empty stays as it was', async () => {
    const session = world.open()
    await session.updateUser({ nickname: '', avatarPath: 'wxfile://tmp_1.jpg' })
    expect(world.wx.requests.at(-2)).toMatchObject({
      url: 'https://server.example/avatars',
      filePath: 'wxfile://tmp_1.jpg',
    })
    expect(world.server.seen.at(-1)?.variables.input).toEqual({ avatarKey: 'key-of-1' })

    await session.updateUser({ nickname: 'Ann', avatarPath: '' })
    expect(world.server.seen.at(-1)?.variables.input).toEqual({ nickname: 'Ann' })
  })

  test('cannot have a picture where the server stores none', async () => {
    const { uploadAvatar: _, ...backend } = world.backend
    const session = world.open({ backend })
    await expect(session.updateUser({ avatarPath: 'wxfile://tmp_1.jpg' })).rejects.toMatchObject({
      code: 'UNSUPPORTED',
    })
    expect(world.server.count('UpdateUser')).toBe(0)
  })

  test('is changed through an expired token, by one renewal and one repeat', async () => {
    const session = world.open()
    await session.login()
    world.server.expire()
    await session.updateUser({ nickname: 'Ann' })
    expect(world.server.seen.map(({ operation }) => operation)).toEqual([
      'SilentLogin',
      'UpdateUser',
      'RefreshToken',
      'UpdateUser',
    ])
    expect(session.user?.nickname).toBe('Ann')
  })

  test('is not touched by an error, which comes as the server said it', async () => {
    const session = world.open()
    await session.login()
    world.server.fail('UpdatePhone', { code: 'PHONE_TAKEN' })
    await expect(session.updatePhone({ code: 'phone-code' })).rejects.toMatchObject({ code: 'PHONE_TAKEN' })
    expect(session.hasPhone()).toBe(false)
  })
})

describe('a name that WeChat judges only after a login', () => {
  test('is saved after one with a code, and nobody notices', async () => {
    const session = world.open()
    await session.login()
    world.server.fail('UpdateUser', { code: 'LOGIN_CODE_INVALID' })
    await session.updateUser({ nickname: 'Ann' })
    expect(session.hasUser()).toBe(true)
    expect(world.server.seen.map(({ operation }) => operation)).toEqual([
      'SilentLogin',
      'UpdateUser',
      'SilentLogin',
      'UpdateUser',
    ])
  })

  test('is not saved when that did not help, and the login is not repeated', async () => {
    const session = world.open()
    await session.login()
    world.server.fail('UpdateUser', { code: 'LOGIN_CODE_INVALID' }, { code: 'LOGIN_CODE_INVALID' })
    await expect(session.updateUser({ nickname: 'Ann' })).rejects.toMatchObject({ code: 'LOGIN_CODE_INVALID' })
    expect(world.server.count('SilentLogin')).toBe(2)
    await expect(session.me()).resolves.toBeTruthy()
  })

  test('brings nobody back who has logged out meanwhile', async () => {
    const updateUser = async () => {
      await session.logout()
      throw new MpAuthError('LOGIN_CODE_INVALID')
    }
    const session = world.open({ backend: { ...world.backend, updateUser } })
    await session.login()
    await expect(session.updateUser({ nickname: 'Ann' })).rejects.toMatchObject({ code: 'STALE' })
    expect(world.server.count('SilentLogin')).toBe(1)
  })

  test('costs no login where the server says no for another reason', async () => {
    const session = world.open()
    await session.login()
    world.server.fail('UpdateUser', { code: 'CONTENT_RISKY' })
    await expect(session.updateUser({ nickname: 'risky' })).rejects.toMatchObject({ code: 'CONTENT_RISKY' })
    expect(world.server.count('SilentLogin')).toBe(1)
  })
})
