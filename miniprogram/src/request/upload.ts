import type { Backend, User } from '../backend'
import { MpAuthError } from '../errors'
import type { Platform } from '../platform'
import { mergeHeaders } from './address'
import { AuthCore, type CoreSession } from './auth-core'

/**
 * Uploads a picture with the login, and answers the key that `updateUser` takes. Rejects with what the server says:
 * BAD_INPUT with `data.status` 413 for a picture that is too large and 415 for what is none, RATE_LIMITED,
 * UNAVAILABLE; with UNSUPPORTED where the platform or the server takes none.
 */
export async function uploadAvatar<U extends User>(
  session: CoreSession & { readonly platform: Platform },
  backend: Backend<U>,
  filePath: string,
): Promise<string> {
  const { platform } = session
  if (!platform.upload || !backend.uploadAvatar) throw new MpAuthError('UNSUPPORTED', 'no upload of pictures')
  const core = new AuthCore(session)
  const send = platform.upload.bind(platform)
  return backend.uploadAvatar(filePath, await session.getToken(), (upload) =>
    core.run(true, true, (header) => send({ ...upload, header: mergeHeaders(upload.header, header) })),
  )
}
