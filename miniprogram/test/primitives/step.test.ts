import { describe, expect, test } from 'vitest'
import { type AuthFact, AuthStep, factsOf, missingOf, stepOf } from '../../src/step'

const nothing = { hasProfile: false, hasPhone: false }
const everything = { hasProfile: true, hasPhone: true }

describe('what is missing', () => {
  test.each<[string, Parameters<typeof missingOf>[0], AuthFact[], AuthFact[]]>([
    ['all of it, of nobody', null, ['PROFILE', 'PHONE'], ['PROFILE', 'PHONE']],
    ['in the order in which it is needed', nothing, ['PHONE', 'PROFILE'], ['PHONE', 'PROFILE']],
    ['what has not been given', { ...nothing, hasProfile: true }, ['PROFILE', 'PHONE'], ['PHONE']],
    ['nothing that is not needed', nothing, ['PHONE'], ['PHONE']],
    ['nothing, of who has given it', everything, ['PHONE', 'PROFILE'], []],
  ])('%s', (_, facts, need, missing) => {
    expect(missingOf(facts, need)).toEqual(missing)
  })

  // In JavaScript nobody else would tell; and a phone number that nobody needs costs money.
  test.each(['phone', 'PROFIL', 'toString'])('is not told of %s, which is no fact', (word) => {
    expect(() => missingOf(everything, [word as AuthFact])).toThrow(expect.objectContaining({ code: 'CONFIG' }))
  })
})

test.each<[AuthFact[], boolean, boolean, AuthStep]>([
  [['PROFILE', 'PHONE'], false, false, AuthStep.ONE],
  [['PROFILE', 'PHONE'], true, false, AuthStep.TWO],
  [['PROFILE', 'PHONE'], false, true, AuthStep.ONE],
  [['PROFILE', 'PHONE'], true, true, AuthStep.THREE],
  [['PHONE', 'PROFILE'], false, true, AuthStep.TWO],
  [['PHONE'], false, false, AuthStep.ONE],
  [['PHONE'], false, true, AuthStep.THREE],
])('flow %j with profile %j and phone %j is at step %j', (flow, hasProfile, hasPhone, step) => {
  expect(stepOf({ hasProfile, hasPhone }, flow)).toBe(step)
  for (const fact of factsOf(step, flow)) expect(missingOf({ hasProfile, hasPhone }, [fact])).toEqual([])
})
