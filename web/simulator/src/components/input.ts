import type { Context } from '../runtime/context'
import { has } from '../wx/library'
import { fields, on, type Part, type Spec } from './define'

type Native = HTMLInputElement | HTMLTextAreaElement

const natives = new WeakMap<Part, Native>()
const unlimited = -1

const shared = {
  value: { type: String, value: '' },
  name: String,
  placeholder: String,
  placeholderClass: String,
  placeholderStyle: String,
  disabled: Boolean,
  maxlength: { type: Number, value: 140 },
  focus: Boolean,
  autoFocus: Boolean,
  cursor: Number,
  selectionStart: Number,
  selectionEnd: Number,
  cursorSpacing: Number,
  adjustPosition: { type: Boolean, value: true },
  holdKeyboard: Boolean,
  confirmType: String,
  confirmHold: Boolean,
  alwaysEmbed: Boolean,
}

const keyboards: Record<string, string> = { number: 'numeric', idcard: 'text', digit: 'decimal' }

/** `<input>`, and with the type `nickname` WeChat's check of what was typed. */
export function input(program: Context): Spec {
  return {
    properties: { ...shared, type: { type: String, value: 'text' }, password: Boolean, safePasswordSalt: String },
    created: (part) => build(part, document.createElement('input'), program),
    attached: focusIfAsked,
    changed(part, name, value) {
      const native = natives.get(part)!
      apply(part, native, name, value)
      if (name === 'password') native.setAttribute('type', on(value) ? 'password' : 'text')
      if (name === 'type') native.inputMode = keyboards[String(value)] ?? 'text'
    },
    focusable: (part) => natives.get(part)!,
  }
}

export function textarea(program: Context): Spec {
  return {
    properties: {
      ...shared,
      autoHeight: Boolean,
      fixed: Boolean,
      showConfirmBar: Boolean,
      disableDefaultPadding: Boolean,
    },
    created: (part) => build(part, document.createElement('textarea'), program),
    attached: focusIfAsked,
    changed: (part, name, value) => apply(part, natives.get(part)!, name, value),
    focusable: (part) => natives.get(part)!,
  }
}

function build(part: Part, native: Native, program: Context) {
  natives.set(part, native)
  native.maxLength = 140
  native.autocomplete = 'off'
  part.host.append(native)
  const detail = () => ({ value: native.value, cursor: native.selectionStart ?? native.value.length })
  let initial = ''
  fields.set(part.host, {
    name: () => String(part.data.name ?? ''),
    value: () => native.value,
    reset: () => {
      native.value = initial
      part.setData({ value: initial })
    },
  })
  native.addEventListener('input', (event) => {
    if ((event as InputEvent).isComposing) return
    typed(part, native, detail())
  })
  native.addEventListener('compositionend', () => typed(part, native, detail()))
  native.addEventListener('focus', () => {
    initial ||= native.defaultValue
    part.triggerEvent('focus', { value: native.value, height: 0 })
    if (isNickname(part, program)) offer(part, native, program)
  })
  native.addEventListener('blur', () => {
    part.triggerEvent('blur', detail())
    void review(part, native, program)
  })
  native.addEventListener('change', () => part.triggerEvent('change', detail()))
  ;(native as HTMLElement).addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing || native instanceof HTMLTextAreaElement) return
    part.triggerEvent('confirm', { value: native.value })
    if (!part.data.confirmHold) native.blur()
  })
}

/** Tells what was typed. The program may answer with another text. */
function typed(part: Part, native: Native, detail: { value: string; cursor: number }) {
  let replaced: string | undefined
  part.setData({ value: native.value })
  part.triggerEvent('input', detail, {
    handleListenerReturn: (answer: unknown) => {
      if (typeof answer === 'string') replaced = answer
      else if (typeof (answer as { value?: unknown } | undefined)?.value === 'string')
        replaced = (answer as { value: string }).value
    },
  })
  if (replaced !== undefined) part.setData({ value: replaced })
}

function offer(part: Part, native: Native, program: Context) {
  const end = program.surroundings.offerNickname((nickname) => {
    native.value = nickname
    typed(part, native, { value: nickname, cursor: nickname.length })
  })
  native.addEventListener('blur', end, { once: true })
}

/** Whether WeChat has a part in the field. Without consent to the privacy guide it is a plain one. */
function isNickname(part: Part, program: Context): boolean {
  return part.data.type === 'nickname' && has(program, 'input.type.nickname') && program.privacy.free('userInfo')
}

/** WeChat looks at a nickname when the field is left, and empties the field later when it does not pass. */
async function review(part: Part, native: Native, program: Context) {
  const nickname = native.value
  if (nickname === '' || !isNickname(part, program)) return
  const call = program.trace.add('call', 'input nickname review')
  const verdict = await program.surroundings.reviewNickname(nickname)
  program.timers.deliver(() => {
    if (verdict === 'reject' && native.value === nickname) {
      native.value = ''
      part.setData({ value: '' })
    }
    const detail = { pass: verdict === 'pass', timeout: verdict === 'timeout' }
    program.trace.add('event', 'nicknamereview', { of: call, ok: detail.pass, detail })
    if (has(program, 'input.bindnicknamereview')) part.triggerEvent('nicknamereview', detail)
  })
}

function apply(part: Part, native: Native, name: string, value: unknown) {
  if (name === 'value' && native.value !== value) {
    native.value = String(value ?? '')
    native.defaultValue ||= native.value
  }
  if (name === 'placeholder') native.placeholder = String(value ?? '')
  if (name === 'disabled') native.disabled = on(value)
  if (name === 'confirmType') native.enterKeyHint = String(value)
  if (name === 'maxlength') {
    if (Number(value) === unlimited) native.removeAttribute('maxlength')
    else native.maxLength = Number(value)
  }
  if (name === 'focus') {
    if (on(value)) focusIfAsked(part)
    else native.blur()
  }
}

function focusIfAsked(part: Part) {
  if (on(part.data.focus) || on(part.data.autoFocus)) setTimeout(() => natives.get(part)?.focus(), 0)
}
