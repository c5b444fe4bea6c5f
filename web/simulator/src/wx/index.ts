import type { Context } from '../runtime/context'
import { interfaceApis } from './interface'
import { has } from './library'
import { logApis } from './logs'
import { loginApis } from './login'
import { networkApis } from './network'
import type { Privacy } from './privacy'
import { storageApis } from './storage'
import { systemApis } from './system'

/** The object `wx` of a program, as its base library has it. */
export function createWx(program: Context, privacy: Privacy): Record<string, unknown> {
  const all: Record<string, unknown> = {
    ...loginApis(program),
    ...networkApis(program),
    ...storageApis(program),
    ...privacy.apis(),
    ...systemApis(program),
    ...interfaceApis(program),
    ...logApis(program),
  }
  return Object.fromEntries(Object.entries(all).filter(([name]) => has(program, name)))
}
