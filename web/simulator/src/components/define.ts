import type { glassEasel } from 'glass-easel-miniprogram-adapter'

/** A built-in component as its own code sees it. */
export interface Part {
  readonly data: Record<string, unknown>
  /** Its element. It outlives the component, for what comes late. */
  readonly host: HTMLElement
  readonly id: string
  readonly classList: { toggle(name: string, force?: boolean): void }
  setData(data: Record<string, unknown>): void
  triggerEvent(name: string, detail?: unknown, options?: Record<string, unknown>): void
  addListener(name: string, listener: (event: { detail: unknown }) => unknown): void
}

/** What a field gives to a form. */
export interface Field {
  name(): string
  value(): unknown
  reset(): void
}

export interface Spec {
  properties?: Record<string, unknown>
  /** Called once, when the element is there and empty. */
  created?(part: Part): void
  attached?(part: Part): void
  detached?(part: Part): void
  /** Called with each property that got another value. */
  changed?(part: Part, name: string, value: unknown): void
  /** The element that assistive technology sees; the component's own when absent. */
  focusable?(part: Part): HTMLElement
}

/** Fields of forms by their elements. */
export const fields = new WeakMap<Element, Field>()

const aria = [
  'role',
  'label',
  'labelledby',
  'describedby',
  'hidden',
  'live',
  'atomic',
  'busy',
  'checked',
  'controls',
  'current',
  'disabled',
  'expanded',
  'haspopup',
  'invalid',
  'level',
  'modal',
  'orientation',
  'posinset',
  'pressed',
  'readonly',
  'required',
  'roledescription',
  'selected',
  'setsize',
  'sort',
  'valuemax',
  'valuemin',
  'valuenow',
  'valuetext',
  'placeholder',
  'multiselectable',
  'owns',
  'flowto',
  'activedescendant',
  'autocomplete',
  'errormessage',
  'keyshortcuts',
  'relevant',
]

const attributes: Record<string, string> = Object.fromEntries(
  aria.map((name) => [`aria${name[0]!.toUpperCase()}${name.slice(1)}`, name === 'role' ? 'role' : `aria-${name}`]),
)

/** Roles of things that are pressed. */
const pressed = new Set(['button', 'link', 'checkbox', 'radio', 'switch', 'tab', 'menuitem', 'option'])

const common = [
  ...Object.keys(attributes),
  'role',
  'tabindex',
  'hidden',
  'hoverClass',
  'hoverStayTime',
  'hoverStartTime',
  'hoverStopPropagation',
]

/** Makes `tag` known to all templates. */
export function define(space: glassEasel.ComponentSpace, tag: string, spec: Spec) {
  const kinds = Object.entries(spec.properties ?? {}).map(([name, given]) => [name, kindOf(given)] as const)
  const own = kinds.map(([name]) => name)
  const coerce = new Map<string, Kind['coerce']>([
    ['hidden', Boolean],
    ...kinds.map(([name, { coerce }]) => [name, coerce] as const),
  ])
  const names = [...new Set([...common, ...own])]
  const properties = {
    ...Object.fromEntries(common.map((name) => [name, { type: null, value: undefined }])),
    ...Object.fromEntries(kinds.map(([name, { value }]) => [name, { type: null, value }])),
  }
  const observers = Object.fromEntries(
    names.map((name) => [
      name,
      function (this: unknown, given: unknown) {
        const part = this as Part
        const value = coerce.get(name)?.(given) ?? given
        reflect(part, spec.focusable?.(part) ?? part.host, name, value)
        if (own.includes(name)) spec.changed?.(part, name, value)
      },
    ]),
  )
  const lifetimes = {
    created: (part: Part) => {
      Object.defineProperty(part, 'host', { value: (part as unknown as { $$: HTMLElement }).$$ })
      hover(part)
      spec.created?.(part)
    },
    attached: (part: Part) => spec.attached?.(part),
    detached: (part: Part) => spec.detached?.(part),
  }
  const definition = space
    .define(`wx/${tag}`)
    .options({ dataDeepCopy: 0 as never, propertyPassingDeepCopy: 0 as never })
    .definition({
      properties: properties as never,
      observers: observers as never,
      lifetimes: Object.fromEntries(
        Object.entries(lifetimes).map(([name, run]) => [
          name,
          function (this: unknown) {
            run(this as Part)
          },
        ]),
      ),
    })
    .registerComponent()
  space.setGlobalUsingComponent(tag, definition as unknown as glassEasel.GeneralComponentDefinition)
}

interface Kind {
  value: unknown
  coerce: (value: unknown) => unknown
}

/** Built-in components take what they are given and make of it what they need, without complaint. */
function kindOf(given: unknown): Kind {
  const { type, value } = (typeof given === 'function' || given === null ? { type: given } : given) as {
    type: unknown
    value?: unknown
  }
  if (type === String) return { value: value ?? '', coerce: (v) => (v === undefined || v === null ? '' : String(v)) }
  if (type === Boolean) return { value: value ?? false, coerce: Boolean }
  if (type === Number) return { value: value ?? 0, coerce: (v) => Number(v) || 0 }
  return { value, coerce: (v) => v }
}

/** Gives the component its hover-class while it is held. */
function hover(part: Part) {
  const show = (held: boolean) => {
    const names = String(part.data.hoverClass ?? '')
    if (names === '' || names === 'none' || part.data.disabled === true) return
    for (const name of names.split(/\s+/)) part.classList.toggle(name, held)
  }
  part.host.addEventListener('pointerdown', () => show(true))
  for (const type of ['pointerup', 'pointercancel', 'pointerleave']) part.host.addEventListener(type, () => show(false))
}

function reflect(part: Part, focusable: HTMLElement, name: string, value: unknown) {
  if (name === 'hidden') part.host.toggleAttribute('hidden', value === true)
  const attribute = attributes[name] ?? (name === 'role' || name === 'tabindex' ? name : undefined)
  if (!attribute) return
  // Whoever says that something can be pressed wants everybody to be able to.
  if (name === 'ariaRole' && pressed.has(String(value)) && !focusable.hasAttribute('tabindex'))
    pressable(part, String(value))
  if (value === undefined || value === null || value === '') focusable.removeAttribute(attribute)
  else focusable.setAttribute(attribute, String(value))
}

/** Makes the element of a component something that can be reached and pressed by keyboard. */
export function pressable(part: Part, role: string) {
  part.host.setAttribute('role', role)
  part.host.setAttribute('tabindex', '0')
  part.host.setAttribute('data-press', '')
}

/** Whether a property is on: as in WeChat, any text but an empty one is, `false` too. */
export function on(value: unknown): boolean {
  return Boolean(value)
}

export function disable(part: Part, disabled: boolean) {
  if (disabled) part.host.setAttribute('aria-disabled', 'true')
  else part.host.removeAttribute('aria-disabled')
  part.host.toggleAttribute('data-disabled', disabled)
  part.host.setAttribute('tabindex', disabled ? '-1' : '0')
}

/** The nearest element of the tag around, across components. */
export function around(part: Part, tag: string): HTMLElement | null {
  return part.host.parentElement?.closest<HTMLElement>(tag) ?? null
}
