import type { glassEasel } from 'glass-easel-miniprogram-adapter'

/** A built-in component as its own code sees it. */
export interface Part {
  readonly data: Record<string, unknown>
  /** Its element in the document. */
  readonly $$: HTMLElement
  readonly id: string
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
  'role', 'label', 'labelledby', 'describedby', 'hidden', 'live', 'atomic', 'busy', 'checked', 'controls', 'current', 'disabled',
  'expanded', 'haspopup', 'invalid', 'level', 'modal', 'orientation', 'posinset', 'pressed', 'readonly', 'required', 'roledescription',
  'selected', 'setsize', 'sort', 'valuemax', 'valuemin', 'valuenow', 'valuetext', 'placeholder', 'multiselectable', 'owns', 'flowto',
  'activedescendant', 'autocomplete', 'errormessage', 'keyshortcuts', 'relevant',
]

const attributes: Record<string, string> = Object.fromEntries(
  aria.map((name) => [`aria${name[0]!.toUpperCase()}${name.slice(1)}`, name === 'role' ? 'role' : `aria-${name}`]),
)

/** Roles of things that are pressed. */
const pressed = new Set(['button', 'link', 'checkbox', 'radio', 'switch', 'tab', 'menuitem', 'option'])

const common = [...Object.keys(attributes), 'role', 'tabindex', 'hidden', 'hoverClass', 'hoverStayTime', 'hoverStartTime', 'hoverStopPropagation']

/** Makes `tag` known to all templates. */
export function define(space: glassEasel.ComponentSpace, tag: string, spec: Spec) {
  const own = Object.keys(spec.properties ?? {})
  const names = [...new Set([...common, ...own])]
  const properties = {
    ...Object.fromEntries(common.map((name) => [name, { type: null, value: undefined }])),
    hidden: Boolean,
    ...spec.properties,
  }
  const observers = Object.fromEntries(
    names.map((name) => [
      name,
      function (this: unknown, value: unknown) {
        const part = this as Part
        reflect(part, spec.focusable?.(part) ?? part.$$, name, value)
        if (own.includes(name)) spec.changed?.(part, name, value)
      },
    ]),
  )
  const lifetimes = {
    created: (part: Part) => spec.created?.(part),
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

function reflect(part: Part, focusable: HTMLElement, name: string, value: unknown) {
  if (name === 'hidden') part.$$.toggleAttribute('hidden', value === true)
  const attribute = attributes[name] ?? (name === 'role' || name === 'tabindex' ? name : undefined)
  if (!attribute) return
  // Whoever says that something can be pressed wants everybody to be able to.
  if (name === 'ariaRole' && pressed.has(String(value)) && !focusable.hasAttribute('tabindex')) pressable(part, String(value))
  if (value === undefined || value === null || value === '') focusable.removeAttribute(attribute)
  else focusable.setAttribute(attribute, String(value))
}

/** Makes the element of a component something that can be reached and pressed by keyboard. */
export function pressable(part: Part, role: string) {
  part.$$.setAttribute('role', role)
  part.$$.setAttribute('tabindex', '0')
  part.$$.setAttribute('data-press', '')
}

/** Whether a property given as `<button loading>` or as a value is on. */
export function on(value: unknown): boolean {
  return value === true || value === 'true' || (typeof value === 'string' && value !== '' && value !== 'false')
}

export function disable(part: Part, disabled: boolean) {
  if (disabled) part.$$.setAttribute('aria-disabled', 'true')
  else part.$$.removeAttribute('aria-disabled')
  part.$$.setAttribute('tabindex', disabled ? '-1' : '0')
}

/** The nearest element of the tag around, across components. */
export function around(part: Part, tag: string): HTMLElement | null {
  return part.$$.parentElement?.closest<HTMLElement>(tag) ?? null
}
