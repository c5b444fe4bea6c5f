import type { Program } from '../runtime/program'
import { interfaceApis } from './interface'
import { logApis } from './logs'
import { loginApis } from './login'
import { networkApis } from './network'
import { storageApis } from './storage'
import { systemApis } from './system'

/** The object `wx` of a program. */
export function createWx(program: Program): Record<string, unknown> {
  return {
    ...loginApis(program),
    ...networkApis(program),
    ...storageApis(program),
    ...program.privacy.apis(),
    ...systemApis(program),
    ...interfaceApis(program),
    ...logApis(program),
  }
}
