import { MpAuthError } from './errors'

/** What a person can give to an app. */
export type AuthFact = 'PROFILE' | 'PHONE'

/**
 * How far a person is in the flow of the app: one more than the number of leading facts that they have
 * given. A flow of a single fact goes from ONE to THREE. Compare with `>=`.
 */
export enum AuthStep {
  ONE = 1,
  TWO = 2,
  THREE = 3,
}

/** An AuthStep as the server spells it. */
export type AuthStepName = keyof typeof AuthStep

/** What an app asks of people, in this order. */
export type AuthFlow = readonly AuthFact[]

/** The published design's own order: the profile first. */
export const defaultFlow: AuthFlow = ['PROFILE', 'PHONE']

export interface Facts {
  hasProfile: boolean
  hasPhone: boolean
}

/** Which of the facts are missing, in their order. Throws CONFIG for a word that is no fact: each phone sheet is paid for. */
export function missingOf(facts: Facts | null | undefined, need: AuthFlow): AuthFact[] {
  const { hasProfile, hasPhone } = facts || ({} as Partial<Facts>)
  return need.filter((fact) => {
    if (fact === 'PROFILE') return !hasProfile
    if (fact === 'PHONE') return !hasPhone
    throw new MpAuthError('CONFIG', `no fact '${fact}'`)
  })
}

/** The step of a person with these facts. */
export function stepOf(facts: Facts | null | undefined, flow: AuthFlow): AuthStep {
  const missing = missingOf(facts, flow)
  if (missing.length === 0) return AuthStep.THREE
  return missing[0] === flow[0] ? AuthStep.ONE : AuthStep.TWO
}

/** The facts that somebody who has reached the step has given. */
export function factsOf(step: AuthStep, flow: AuthFlow): AuthFact[] {
  return step === AuthStep.ONE ? [] : step === AuthStep.TWO ? flow.slice(0, 1) : [...flow]
}
