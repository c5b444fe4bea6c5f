import type { ErrorCode } from '../../src/errors'

/** What an open-type button reports beside its data. */
export interface NativeAnswer {
  errMsg?: string
  errno?: number
}

/** Why a native button gave nothing, in the words of the SDK. */
export interface NativeFailure {
  code: ErrorCode
  errno?: number
}

const quota = [1400001]
const undeclared = [112, 1025, 101100, 101101]
const unconsented = [104, 101102]
/** The app may not ask: it is a person's, not a verified company's, or the category does not allow it. */
const unpermitted = 102
/** This person may not be asked. */
const blocked = 1421102

/**
 * Reads a failure of `getPhoneNumber` and its kin; null for a success. Numbers count before texts, because texts differ
 * by system and version: `fail user deny`, `fail:user deny`, `user deny`, `fail user cancel` all mean the same. 103 is
 * a refusal of the sheet that asks for consent and number at once (`coupled`); a plain one has been seen to carry it.
 */
export function failureOf(answer: NativeAnswer, coupled = false): NativeFailure | null {
  const { errMsg = '', errno = 0 } = answer
  if (!errno && (errMsg === '' || /:ok$/.test(errMsg))) return null
  const code = codeOf(errMsg, errno, coupled)
  return errno ? { code, errno } : { code }
}

function codeOf(errMsg: string, errno: number, coupled: boolean): ErrorCode {
  if (quota.includes(errno) || /quota/i.test(errMsg)) return 'PHONE_QUOTA_EXHAUSTED'
  if (undeclared.includes(errno) || /not declared|api banned/i.test(errMsg)) return 'PRIVACY_UNDECLARED'
  if (unconsented.includes(errno) || /privacy permission/i.test(errMsg)) return 'PRIVACY_DENIED'
  if (errno === unpermitted || /no permission/i.test(errMsg)) return 'CONFIG'
  if (errno === blocked) return 'FORBIDDEN'
  const refused = /deny|denied|cancel/i.test(errMsg)
  if (errno === 103 && (coupled || !refused)) return 'PRIVACY_DENIED'
  if (refused) return 'USER_DENIED'
  if (/time ?out/i.test(errMsg)) return 'TIMEOUT'
  return /network|interrupt/i.test(errMsg) ? 'NETWORK' : 'UNSUPPORTED'
}
