import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createGuards } from '../../src/auth/guards'
import { createGraphQL } from '../../src/request/graphql'
import { AuthStep } from '../../src/step'
import { Phone } from './support/phone'
import { Server } from './support/server'
import { expired } from './support/token'

const picture = fileURLToPath(new URL('../../demo/images/mug.png', import.meta.url))
const noPicture = fileURLToPath(import.meta.url)

let server: Server
beforeAll(async () => {
  server = await Server.start()
})
afterAll(() => server.stop())

const phones: Phone[] = []
async function signedIn(user: string): Promise<Phone> {
  const made = new Phone(server, user).open()
  phones.push(made)
  await made.session.login()
  return made
}
afterEach(() => {
  for (const one of phones.splice(0)) one.close()
})

describe('a picture', () => {
  test('chosen with a nickname is uploaded, and everybody can see it', async () => {
    const { session } = await signedIn('picture')
    const user = await session.updateUser({ nickname: ' Lily ', avatarPath: picture })
    expect(user).toMatchObject({ nickname: 'Lily', hasProfile: true, authStep: 'TWO' })
    const shown = await fetch(user.avatarUrl as string)
    expect([shown.status, shown.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^image\//)])
    await session.updateUser({ removeProfile: true })
    expect(session.user).toMatchObject({ nickname: null, avatarUrl: null, hasProfile: false, authStep: 'ONE' })
    expect((await fetch(user.avatarUrl as string)).status).toBe(404)
  })

  test('uploaded with a token that is over: renewed once, sent once more', async () => {
    const lily = await signedIn('expired')
    const over = await expired(server, lily.session.peekToken() as string)
    lily.edit((stored) => {
      stored.snap.token = over
    })
    lily.open()
    const avatarKey = await lily.session.uploadAvatar(picture)
    expect(lily.platform.calls.filter(({ api }) => api === 'upload')).toHaveLength(2)
    expect(lily.sent('RefreshToken')).toBe(1)
    const user = await lily.session.updateUser({ nickname: 'Lily', avatarKey })
    expect(user.avatarUrl).toMatch(/^http/)
    // The answer to it was lost: the same once more changes nothing.
    expect(await lily.session.updateUser({ nickname: 'Lily', avatarKey })).toEqual(user)
  })

  test('that is none is refused, and the profile stays as it was', async () => {
    const { session } = await signedIn('none')
    const refused = session.updateUser({ nickname: 'Lily', avatarPath: noPicture })
    await expect(refused).rejects.toMatchObject({ code: 'BAD_INPUT', data: { status: 415 } })
    expect((await session.me()).hasProfile).toBe(false)
  })
})

describe('a feature that needs more than the person has given', () => {
  test('says what they have, what they need and what comes next', async () => {
    const { gql } = await signedIn('step')
    await expect(gql.query('query Two { mustAuth(step: TWO) { id } }')).rejects.toMatchObject({
      code: 'AUTH_STEP_REQUIRED',
      action: 'AUTHORIZE',
      have: 'ONE',
      need: ['PROFILE'],
      next: 'PROFILE',
    })
    await expect(gql.query('query Both { mustAuth(need: [PHONE, PROFILE]) { id } }')).rejects.toMatchObject({
      have: 'ONE',
      need: ['PROFILE', 'PHONE'],
      next: 'PROFILE',
    })
  })

  test('asks by the popup of the page, and the request goes on when the server is content', async () => {
    const lily = await signedIn('popup')
    const { session, platform } = lily
    const asked: unknown[] = []
    const popup = {
      async open({ need }: { need: string[] }) {
        asked.push(need)
        if (need[0] === 'PROFILE') await session.updateUser({ nickname: 'Lily' })
        else await session.updatePhone(await lily.tap())
        session.resolveAuth()
      },
    }
    platform.stack = [{ route: 'pages/shop', selectComponent: (id) => (id === '#auth-popup' ? popup : null) }]
    const gql = createGraphQL(session, { url: server.graphql })
    const id = session.user?.id
    expect(await gql.query('query Buy { mustAuth(step: THREE) { id authStep } }')).toEqual({
      mustAuth: { id, authStep: 'THREE' },
    })
    expect(asked).toEqual([['PROFILE', 'PHONE'], ['PHONE']])
    expect(session.currentAuthStep()).toBe(AuthStep.THREE)
  })

  test('asks on the auth page, when the phone believed that there was no need', async () => {
    const lily = await signedIn('page')
    await lily.session.updatePhone(await lily.tap())
    // Taken back on another phone: this one cannot know.
    const other = await signedIn('page')
    await other.session.unbindPhone()
    expect(lily.session.hasPhone()).toBe(true)
    lily.platform.stack = [{ route: 'pages/shop', options: { id: '7' } }]
    const { withAuth } = createGuards(() => lily.session)
    const buy = withAuth(() => lily.gql.query('query Buy { mustAuth(step: ONE, need: [PHONE]) { id } }'), {
      need: ['PHONE'],
      authPage: '/pages/auth/index',
    })
    const bought = buy.call({})
    await expect.poll(() => lily.platform.stack.at(-1)?.route).toBe('pages/auth/index')
    expect(lily.session.needed).toEqual(['PHONE'])
    await lily.session.updatePhone(await lily.tap())
    await lily.platform.navigateBack()
    lily.session.resolveAuth()
    expect(await bought).toEqual({ mustAuth: { id: lily.session.user?.id } })
    expect(lily.platform.stack).toHaveLength(1)
  })
})
