import { describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backend'
import { graphqlBackend } from '../../src/request/graphql-backend'
import { uploadAvatar } from '../../src/request/upload'
import { rig, url } from './rig'

const backend = graphqlBackend({ url })

function uploading() {
  const r = rig()
  const tokens = () => r.server.uploads.map(({ header }) => header?.authorization)
  return { ...r, tokens, upload: () => uploadAvatar(r.session, backend, 'wxfile://a.jpg') }
}

describe('uploadAvatar', () => {
  test('logs in first, and answers the key', async () => {
    const { upload, tokens } = uploading()
    expect(await upload()).toBe('k1')
    expect(tokens()).toEqual(['Bearer t1'])
  })

  test('renews an expired login and sends the picture again', async () => {
    const { server, session, upload, tokens } = uploading()
    await session.login()
    server.expire()
    expect(await upload()).toBe('k1')
    expect(tokens()).toEqual(['Bearer t1', 'Bearer t2'])
    expect(server.refreshes).toBe(1)
  })

  test('gives up when the new token is refused as well', async () => {
    const { server, upload, tokens } = uploading()
    server.upload = () => ({ statusCode: 401, data: '{"code":"SESSION_REVOKED"}' })
    await expect(upload()).rejects.toMatchObject({ code: 'AUTH_REPLAY_FAILED', cause: { code: 'SESSION_REVOKED' } })
    expect(tokens()).toHaveLength(2)
  })

  test('shares a refresh with requests that expire with it', async () => {
    const { server, session, upload } = uploading()
    await session.login()
    server.expire()
    await Promise.all([upload(), session.me().catch(() => {}), upload()])
    expect(server.refreshes).toBe(1)
  })

  test.each([
    [
      413,
      '{"code":"BAD_INPUT","message":"larger than 10 MB","action":"NONE"}',
      { code: 'BAD_INPUT', data: { status: 413 } },
    ],
    [415, '{"code":"BAD_INPUT","message":"no picture","action":"NONE"}', { code: 'BAD_INPUT', data: { status: 415 } }],
    [
      429,
      '{"code":"RATE_LIMITED","message":"","action":"RETRY","retryAfterMs":60000}',
      { code: 'RATE_LIMITED', retryAfterMs: 60000, retryable: true },
    ],
    [503, '{"code":"UNAVAILABLE","message":"busy","action":"RETRY"}', { code: 'UNAVAILABLE', retryable: true }],
    [413, '<html>nginx</html>', { code: 'SERVER', retryable: false, data: { status: 413 } }],
    [200, '{}', { code: 'SERVER' }],
  ])('tells %i apart', async (statusCode, data, error) => {
    const { server, upload, tokens } = uploading()
    server.upload = () => ({ statusCode, data })
    await expect(upload()).rejects.toMatchObject(error)
    expect(tokens()).toHaveLength(1)
  })

  test('is refused where there is nothing to upload with or to', async () => {
    const { server, session } = uploading()
    const { uploadAvatar: _, ...without } = backend
    await expect(uploadAvatar(session, without as Backend, 'a')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    delete server.platform.upload
    await expect(uploadAvatar(session, backend, 'a')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})
