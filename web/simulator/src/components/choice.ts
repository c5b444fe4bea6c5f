import { around, disable, fields, on, type Part, pressable, type Spec } from './define'

interface Choice {
  part: Part
  checked: boolean
  /** What the program said last, to which a form goes back. */
  initial: boolean
  set(checked: boolean): void
}

const choices = new WeakMap<Element, Choice>()

function choice(role: 'checkbox' | 'radio' | 'switch'): Spec {
  return {
    properties: { value: String, checked: Boolean, disabled: Boolean, color: String, name: String, type: String },
    created(part) {
      pressable(part, role)
      const self: Choice = {
        part,
        checked: false,
        initial: false,
        set(checked) {
          self.checked = checked
          part.host.setAttribute('aria-checked', String(checked))
        },
      }
      self.set(false)
      choices.set(part.host, self)
      if (role === 'switch') {
        fields.set(part.host, {
          name: () => String(part.data.name ?? ''),
          value: () => self.checked,
          reset: () => self.set(self.initial),
        })
      }
      part.addListener('tap', () => picked(self, role))
    },
    changed(part, name, value) {
      if (name === 'checked' && on(value) !== choices.get(part.host)!.checked) {
        choices.get(part.host)!.initial = on(value)
        choices.get(part.host)!.set(on(value))
      }
      if (name === 'disabled') disable(part, on(value))
      if (name === 'color') part.host.style.setProperty('--choice', String(value))
    },
  }
}

function picked(self: Choice, role: string) {
  const { part } = self
  if (on(part.data.disabled)) return
  if (role === 'switch') {
    self.set(!self.checked)
    part.setData({ checked: self.checked })
    part.triggerEvent('change', { value: self.checked })
    return
  }
  const group = around(part, `wx-${role}-group`)
  if (role === 'radio') {
    if (self.checked) return
    for (const other of members(group, 'radio')) other.set(false)
    self.set(true)
  } else {
    self.set(!self.checked)
  }
  groups.get(group ?? part.host)?.()
}

function members(group: Element | null, role: string): Choice[] {
  return [...(group?.querySelectorAll(`wx-${role}`) ?? [])].map((element) => choices.get(element)!)
}

const groups = new WeakMap<Element, () => void>()

function group(role: 'checkbox' | 'radio'): Spec {
  return {
    properties: { name: String },
    created(part) {
      part.host.setAttribute('role', role === 'radio' ? 'radiogroup' : 'group')
      const checked = () =>
        members(part.host, role)
          .filter((c) => c.checked)
          .map((c) => String(c.part.data.value ?? ''))
      const value = () => (role === 'radio' ? (checked()[0] ?? '') : checked())
      groups.set(part.host, () => part.triggerEvent('change', { value: value() }))
      fields.set(part.host, {
        name: () => String(part.data.name ?? ''),
        value,
        reset: () => {
          for (const member of members(part.host, role)) member.set(member.initial)
        },
      })
    },
  }
}

/** `<label>`: a tap on it is a tap on the control that it is for, or on the first one inside. */
const label: Spec = {
  properties: { for: String },
  created(part) {
    part.host.addEventListener('click', (event) => {
      const control = 'wx-checkbox, wx-radio, wx-switch, wx-button, wx-input, wx-textarea'
      if ((event.composedPath()[0] as Element).closest(control)) return
      const root = part.host.getRootNode() as ShadowRoot
      const named = part.data.for ? root.querySelector<HTMLElement>(`#${CSS.escape(String(part.data.for))}`) : null
      const target = named ?? part.host.querySelector<HTMLElement>(control)
      const native = target?.querySelector<HTMLElement>('input, textarea')
      if (native) native.focus()
      else target?.click()
    })
  },
}

export const choiceSpecs: Record<string, Spec> = {
  checkbox: choice('checkbox'),
  radio: choice('radio'),
  switch: choice('switch'),
  'checkbox-group': group('checkbox'),
  'radio-group': group('radio'),
  label,
}
