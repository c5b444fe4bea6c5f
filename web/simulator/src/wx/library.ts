import type { Context } from '../runtime/context'

/** What a component has, with the base library that brought it. */
const parts: Record<string, string> = {
  'button.open-type.getPhoneNumber': '1.2.0',
  'button.open-type.getRealtimePhoneNumber': '2.24.4',
  'button.open-type.chooseAvatar': '2.21.2',
  'button.open-type.agreePrivacyAuthorization': '2.32.3',
  'button.open-type.getUserInfo': '1.3.0',
  'button.open-type.share': '1.2.0',
  'button.phone-number-no-quota-toast': '3.0.1',
  'input.type.nickname': '2.21.2',
  'input.bindnicknamereview': '2.29.1',
  'root-portal': '2.25.2',
  'page-meta': '2.9.0',
}

/** APIs that came later than those that everybody has. */
const apis: Record<string, string> = {
  getPrivacySetting: '2.32.3',
  onNeedPrivacyAuthorization: '2.32.3',
  requirePrivacyAuthorize: '2.32.3',
  openPrivacyContract: '2.32.3',
  getAppBaseInfo: '2.20.1',
  getDeviceInfo: '2.20.1',
  getWindowInfo: '2.20.1',
  setBackgroundFetchToken: '2.8.0',
}

/** Whether the base library has a part of a component, or an API. What has no version is in all of them. */
export function has(program: Context, schema: string): boolean {
  const since = parts[schema] ?? apis[schema]
  return since === undefined || atLeast(program.device.SDKVersion, since)
}

/** What `wx.canIUse` says. */
export function canIUse(program: Context, schema: string): boolean {
  if (schema in parts) return has(program, schema)
  const [name = ''] = schema.split('.')
  if (name in apis) return has(program, name)
  return (
    name in program.wx ||
    (!schema.includes('.') && program.definitions.space.getComponentSpace().getGlobalUsingComponent(name) !== null)
  )
}

/** Compares versions as `3.4.1`. */
export function atLeast(version: string, wanted: string): boolean {
  const [a, b] = [version, wanted].map((v) => v.split('.').map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (a![i] ?? 0) - (b![i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}
