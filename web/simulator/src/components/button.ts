import type { Context } from '../runtime/context'
import { failure, WxError } from '../wx/api'
import { has } from '../wx/library'
import { userInfo } from '../wx/login'
import { phoneNumber } from '../wx/phone-number'
import { around, disable, on, type Part, pressable, type Spec } from './define'
import { forms } from './form'

/** The event of each open-type that gives something to the program. */
const events: Record<string, string> = {
  getPhoneNumber: 'getphonenumber',
  getRealtimePhoneNumber: 'getrealtimephonenumber',
  getUserInfo: 'getuserinfo',
  chooseAvatar: 'chooseavatar',
  agreePrivacyAuthorization: 'agreeprivacyauthorization',
}

/** `<button>`, with the open-types that a login needs. Only a tap of the person starts one. */
export function button(program: Context): Spec {
  return {
    properties: {
      type: String,
      size: String,
      plain: Boolean,
      disabled: Boolean,
      loading: Boolean,
      formType: String,
      openType: String,
      lang: String,
      phoneNumberNoQuotaToast: { type: Boolean, value: true },
      sessionFrom: String,
      appParameter: String,
      needShowEntrance: Boolean,
    },
    created(part) {
      pressable(part, 'button')
      part.addListener('tap', () => tapped(program, part))
    },
    changed(part, name, value) {
      if (name === 'disabled') disable(part, on(value))
      if (name === 'type' || name === 'size') part.host.setAttribute(name, String(value))
      if (name === 'plain' || name === 'loading') part.host.toggleAttribute(name, on(value))
      if (name === 'loading') part.host.setAttribute('aria-busy', String(on(value)))
    },
  }
}

function tapped(program: Context, part: Part) {
  if (on(part.data.disabled)) return
  const form = around(part, 'wx-form')
  const { formType } = part.data
  if (form && formType === 'submit') forms.get(form)?.submit()
  if (form && formType === 'reset') forms.get(form)?.reset()
  // What the base library does not know is no open-type.
  const types = String(part.data.openType ?? '')
    .split('|')
    .filter((type) => has(program, `button.open-type.${type}`))
  if (types.includes('agreePrivacyAuthorization')) {
    program.privacy.tapped(part.id)
    program.privacy.agree()
    tell(program, part, 'agreePrivacyAuthorization', { errMsg: 'agreePrivacyAuthorization:ok' })
  }
  for (const type of types) {
    if (type in events && type !== 'agreePrivacyAuthorization') void open(program, part, type)
    if (type === 'contact' || type === 'feedback' || type === 'openSetting' || type === 'launchApp')
      program.surroundings.leave(type)
  }
}

async function open(program: Context, part: Part, type: string) {
  const call = program.trace.add('call', `button ${type}`)
  try {
    const detail = await ask(program, part, type)
    tell(program, part, type, { ...detail, errMsg: `${type}:ok` }, call)
  } catch (error) {
    const told = failure(type, error)
    if (type !== 'chooseAvatar') return tell(program, part, type, told, call)
    // The avatar button tells nobody but the log.
    program.trace.add('log', 'error', { of: call, ok: false, detail: told.errMsg })
  }
}

function ask(program: Context, part: Part, type: string): Promise<object> {
  if (type === 'chooseAvatar') return avatar(program)
  if (type === 'getUserInfo') return userInfo(program, type)
  return phoneNumber(program, type === 'getRealtimePhoneNumber', part.data.phoneNumberNoQuotaToast !== false)
}

async function avatar(program: Context): Promise<object> {
  await program.privacy.pass('chooseAvatar', 'userInfo')
  // On Android the picker is another activity: the program goes to the background and comes back.
  const away = program.device.platform === 'android'
  if (away) program.toBackground()
  const picture = await program.surroundings.askAvatar()
  if (away) program.toForeground()
  if (!picture) throw new WxError('cancel')
  return { avatarUrl: program.files.add(picture) }
}

function tell(program: Context, part: Part, type: string, detail: object, of?: number) {
  program.timers.deliver(() => {
    const ok = !/fail|deny/.test((detail as { errMsg: string }).errMsg)
    program.trace.add('event', events[type]!, { ok, detail, ...(of !== undefined && { of }) })
    part.triggerEvent(events[type]!, detail)
  })
}
