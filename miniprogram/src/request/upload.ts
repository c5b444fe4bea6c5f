import type { Backend, User } from '../backend'
import { MpAuthError } from '../errors'
import type { HttpResponse, Platform } from '../platform'
import { AuthCore, type CoreSession } from './auth-core'

/**
 * Uploads a picture with the login, renewing it once, and answers the key that `updateUser` takes. Rejects with what
 * the server says: BAD_INPUT with `data.status` 413 for one that is too large and 415 for no picture, RATE_LIMITED,
 * UNAVAILABLE; with UNSUPPORTED where the platform or the server takes none.
 */
export async function uploadAvatar<U extends User>(
  session: CoreSession & { readonly platform: Platform },
  backend: Backend<U>,
  filePath: string,
): Promise<string> {
  const { platform } = session
  if (!platform.upload || !backend.uploadAvatar) throw new MpAuthError('UNSUPPORTED', 'no upload of pictures')
  const send = platform.upload.bind(platform)
  const store = backend.uploadAvatar.bind(backend)
  let outcome = () => ''
  await new AuthCore(session).run(true, true, async (_, token) => {
    // The backend says what came of it; whether the token was refused is read from the answer, as for any request.
    const seen: { answer?: HttpResponse<string> } = {}
    try {
      const key = await store(filePath, token as string, async (upload) => {
        seen.answer = await send(upload)
        return seen.answer
      })
      outcome = () => key
    } catch (error) {
      if (!seen.answer) throw error
      outcome = () => {
        throw error
      }
    }
    return seen.answer ?? { statusCode: 200, header: {}, data: '' }
  })
  return outcome()
}
