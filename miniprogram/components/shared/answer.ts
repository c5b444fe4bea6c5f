import type { UpdatePhoneInput, UpdateUserInput } from '../../src/backend'
import type { AuthFact } from '../../src/step'
import type { NativeAnswer } from './failure'

/** What `nextStep` takes: the event of a container, or of a native button that the host has drawn itself. */
export interface AnswerEvent {
  type?: string
  detail?: AnswerDetail
}

export interface AnswerDetail extends NativeAnswer {
  code?: string
  iv?: string
  encryptedData?: string
  rawData?: string
  signature?: string
  nickname?: string
  avatarPath?: string
  avatarUrl?: string
  encrypted?: NonNullable<UpdateUserInput['encrypted']>
}

/** What the person has given, ready for the session. */
export type Answer = { fact: 'PROFILE'; input: UpdateUserInput } | { fact: 'PHONE'; input: UpdatePhoneInput }

/**
 * Reads an answer; null when there is none in the event. A ciphertext does not say of what it is: the event's name
 * does, or else what was `asked` for.
 */
export function answerOf({ type, detail = {} }: AnswerEvent, asked: AuthFact): Answer | null {
  const { code, iv, encryptedData } = detail
  if (code) return { fact: 'PHONE', input: { code } }
  const fact = /phone/i.test(type || '') ? 'PHONE' : /user|avatar/i.test(type || '') ? 'PROFILE' : asked
  if (fact === 'PHONE') return iv && encryptedData ? { fact, input: { encrypted: { iv, encryptedData } } } : null
  const input = profileOf(detail)
  return Object.keys(input).length > 0 ? { fact, input } : null
}

function profileOf(detail: AnswerDetail): UpdateUserInput {
  const { iv, encryptedData, rawData, signature, nickname } = detail
  const input: UpdateUserInput = {}
  const avatarPath = detail.avatarPath || detail.avatarUrl
  if (nickname) input.nickname = nickname
  if (avatarPath) input.avatarPath = avatarPath
  if (detail.encrypted) input.encrypted = detail.encrypted
  else if (iv && encryptedData && rawData && signature) input.encrypted = { iv, encryptedData, rawData, signature }
  return input
}
