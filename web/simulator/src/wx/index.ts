import type { Context } from '../runtime/context'
import { interfaceApis } from './interface'
import { logApis } from './logs'
import { loginApis } from './login'
import { networkApis } from './network'
import type { Privacy } from './privacy'
import { storageApis } from './storage'
import { systemApis } from './system'

/** The object `wx` of a program. */
export function createWx(program: Context, privacy: Privacy): Record<string, unknown> {
  return {
    ...loginApis(program),
    ...networkApis(program),
    ...storageApis(program),
    ...privacy.apis(),
    ...systemApis(program),
    ...interfaceApis(program),
    ...logApis(program),
  }
}
