import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { buildSchema, parse, validate } from 'graphql'
import { describe, expect, test } from 'vitest'
import { createAccount } from '../../src/account/account'
import type { Send, Upload } from '../../src/backend'
import * as documents from '../../src/generated/documents'
import trusted from '../../src/generated/trusted-documents.json'
import type { HttpRequest } from '../../src/platform'
import { operationOf } from '../../src/request/document'
import { createGraphQL } from '../../src/request/graphql'
import { graphqlBackend } from '../../src/request/graphql-backend'
import { refusal, rig, url, user } from './rig'

const schemaDir = new URL('../../../schema/', import.meta.url)
const schemaFiles = readdirSync(schemaDir).filter((name) => name.endsWith('.graphql'))
const schema = buildSchema(schemaFiles.map((name) => readFileSync(new URL(name, schemaDir), 'utf8')).join('\n'))
const texts = Object.values(documents).map(String)

/** A `send` that keeps what it was given. */
function sending(data: unknown, statusCode = 200) {
  const sent: HttpRequest[] = []
  const send: Send = async <T>(request: HttpRequest) => {
    sent.push(request)
    return { statusCode, header: {}, data: data as T }
  }
  const body = () => sent[0]?.data as { query: string; operationName: string; variables: unknown }
  return { sent, send, body }
}

const login = { token: 't', expiresIn: 600, refreshToken: 'r', user: user(), isNewUser: true }
const device = { id: 'd1', name: 'iPhone 15', platform: 'ios', sdkVersion: '1.0.0' }

describe('the documents', () => {
  test.each(texts)('%s is what the server understands', (text) => {
    expect(validate(schema, parse(text))).toEqual([])
  })

  test('are listed for a server that answers no others, by their hashes', () => {
    expect(Object.values(trusted).sort()).toEqual([...texts].sort())
    for (const [id, text] of Object.entries(trusted)) expect(createHash('sha256').update(text).digest('hex')).toBe(id)
  })

  test('ask of a person what the device stores, and nothing else', () => {
    const [, selected] = /fragment SessionUser on User\{(.*?)\}$/.exec(documents.MeDocument) ?? []
    expect(selected?.replace('phone{masked}', 'phone ').trim().split(/\s+/).sort()).toEqual(Object.keys(user()).sort())
  })

  test('reach the server byte for byte, whichever method sends them', async () => {
    const { server, session } = rig()
    const backend = graphqlBackend({ url })
    const send: Send = (request) => server.platform.request(request)
    await session.login()
    const account = createAccount(session, createGraphQL(session, { url }))
    const proof = { code: 'c', nonce: 'n', appId: 'wx1', device, restores: true }
    const calls = [
      () => backend.silentLogin(proof, send),
      () => account.exportMyData(),
      () => account.recordConsent({ purpose: 'terms', version: '1', granted: true }),
      () => account.consents(),
      () => account.deleteAccount(),
      () => backend.refreshToken?.('r', send),
      () => backend.me(send),
      () => backend.updateUser({ nickname: 'Lily' }, send),
      () => backend.updatePhone({ code: 'p' }, send),
      () => backend.unbindPhone(send),
      () => backend.logout('t1', 'ALL', send),
      () => backend.checkSessionKey?.(send),
    ]
    // The answers are none of theirs; what was asked is there before them.
    for (const call of calls) await call()?.catch(() => {})
    const sent = server.seen.map(({ data }) => (data as { query: string }).query)
    expect(new Set(sent)).toEqual(new Set(Object.values(trusted)))
    for (const { operation, data } of server.seen)
      expect(operation).toBe(operationOf((data as { query: string }).query).name)
  })
})

describe('graphqlBackend', () => {
  test('logs in with all that the server wants to know', async () => {
    const { sent, send, body } = sending({ data: { silentLogin: login } })
    const backend = graphqlBackend({ url, header: { 'X-Tenant': 'a' }, timeout: 900 })
    expect(await backend.silentLogin({ code: 'c', nonce: 'n', appId: 'wx1', device }, send)).toEqual(login)
    expect(sent[0]).toMatchObject({
      url,
      method: 'POST',
      timeout: 900,
      header: { 'X-Tenant': 'a', 'Content-Type': 'application/json' },
    })
    expect(body()).toMatchObject({
      operationName: 'SilentLogin',
      variables: { input: { code: 'c', nonce: 'n', appId: 'wx1', device } },
    })
  })

  test('leaves out an AppID that the platform does not tell', async () => {
    const { send, body } = sending({ data: { silentLogin: login } })
    await graphqlBackend({ url }).silentLogin({ code: 'c', nonce: 'n', appId: '', anonymousCode: 'a', device }, send)
    expect(JSON.parse(JSON.stringify(body().variables))).toEqual({ input: { code: 'c', nonce: 'n', device } })
  })

  test('gives what each method is for', async () => {
    const backend = graphqlBackend({ url })
    const lily = user({ nickname: 'Lily' })
    const call = async (data: object, run: (send: Send) => unknown) => run(sending({ data }).send)
    expect(await call({ refreshToken: login }, (send) => backend.refreshToken?.('r', send))).toEqual(login)
    expect(await call({ me: lily }, (send) => backend.me(send))).toEqual(lily)
    expect(await call({ updateUser: { user: lily } }, (send) => backend.updateUser({}, send))).toEqual(lily)
    expect(await call({ updatePhone: { user: lily } }, (send) => backend.updatePhone({ code: 'p' }, send))).toEqual(
      lily,
    )
    expect(await call({ unbindPhone: { user: lily } }, (send) => backend.unbindPhone(send))).toEqual(lily)
    for (const [status, good] of [
      ['VALID', true],
      ['EXPIRED', false],
      ['ABSENT', false],
    ] as const) {
      expect(await call({ checkSessionKey: status }, (send) => backend.checkSessionKey?.(send))).toBe(good)
    }
  })

  test('sends no local path of a picture', async () => {
    const { send, body } = sending({ data: { updateUser: { user: user() } } })
    await graphqlBackend({ url }).updateUser({ nickname: 'Lily', avatarPath: 'wxfile://a', avatarKey: 'k' }, send)
    expect(JSON.parse(JSON.stringify(body().variables))).toEqual({ input: { nickname: 'Lily', avatarKey: 'k' } })
  })

  test('ends the session of the token that it is given', async () => {
    const { sent, send, body } = sending({ data: { logout: { ok: true } } })
    await graphqlBackend({ url }).logout('t9', 'OTHERS', send)
    expect(sent[0]?.header?.Authorization).toBe('Bearer t9')
    expect(body().variables).toEqual({ input: { scope: 'OTHERS' } })
  })

  test('rejects with what the server says, and for an answer without data', async () => {
    const backend = graphqlBackend({ url })
    const refused = sending(refusal('LOGIN_BLOCKED', { action: 'NONE' }).data)
    await expect(backend.me(refused.send)).rejects.toMatchObject({ code: 'LOGIN_BLOCKED' })
    await expect(backend.me(sending({ data: null }).send)).rejects.toMatchObject({ code: 'SERVER' })
    await expect(backend.me(sending('<html/>', 502).send)).rejects.toMatchObject({ code: 'SERVER', retryable: true })
  })

  test.each([
    [{ url }, 'https://api.example.com/avatars'],
    [{ url: 'https://a.cn/auth/graphql/' }, 'https://a.cn/auth/avatars'],
    [{ url, avatarUrl: 'https://b.cn/pictures' }, 'https://b.cn/pictures'],
  ])('uploads pictures beside %o', async (options, expected) => {
    let sent: Parameters<Upload>[0] | undefined
    const key = await graphqlBackend({ ...options, header: { 'X-Tenant': 'a' } }).uploadAvatar?.(
      'wxfile://a',
      't',
      async (upload) => {
        sent = upload
        return { statusCode: 200, header: {}, data: '{"avatarKey":"k"}' }
      },
    )
    expect(key).toBe('k')
    // The platform's own Content-Type names the boundary of the form.
    const header = { 'X-Tenant': 'a', Authorization: 'Bearer t' }
    expect(sent).toEqual({ url: expected, filePath: 'wxfile://a', name: 'file', header })
  })
})
