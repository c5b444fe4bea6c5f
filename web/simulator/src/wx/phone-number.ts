import type { Context } from '../runtime/context'
import { WxError } from './api'
import { atLeast } from './library'

/** From this base library on, the phone sheet asks for consent to the privacy guide too. */
const mergedSince = '3.4.1'
/** From this base library on, the button gives a code for the number; before, a ciphertext alone. */
const codeSince = '2.21.2'

/**
 * What a tap on a phone button does: checks whether it may, asks the person, and returns the detail of the
 * event. Throws a WxError for everything else.
 */
export async function phoneNumber(program: Context, realtime: boolean, quotaToast: boolean): Promise<object> {
  const { account, device, wechat, user } = program.phone
  const { privacy, surroundings } = program
  const api = realtime ? 'getRealtimePhoneNumber' : 'getPhoneNumber'
  if (!account.mayAskPhone) throw new WxError('no permission', 102)
  if (account.phoneBlocked) throw new WxError('user is blocked', 1421102)
  privacy.check('phoneNumber')
  const merged = privacy.needed && !privacy.handled && atLeast(device.SDKVersion, mergedSince)
  if (!merged) await privacy.pass(api, 'phoneNumber')
  if (!account.phoneQuota) {
    if (quotaToast) surroundings.tellPhoneQuota()
    throw new WxError('appid no enough quota', 1400001)
  }
  const { phoneNumber: own } = await wechat.person(device.appId, user)
  const chosen = await surroundings.askPhone({ realtime, numbers: [own], privacy: merged })
  if (chosen === null) throw refusal(program, merged)
  if (merged) privacy.agree()
  const code = await wechat.phoneCode(device.appId, user, chosen === own ? '' : chosen)
  if (realtime) return { code }
  const data = chosen === own ? {} : { phoneNumber: chosen, purePhoneNumber: chosen }
  const { encryptedData, iv } = await wechat.encrypt(device.appId, user, 'phone', data)
  return { ...(atLeast(device.SDKVersion, codeSince) && { code }), encryptedData, iv }
}

function refusal(program: Context, merged: boolean): WxError {
  if (merged) return new WxError('user deny', 103)
  return program.device.platform === 'android'
    ? new WxError('user deny', undefined, ':fail:')
    : new WxError('user deny')
}
