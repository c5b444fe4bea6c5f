import type { Context } from '../runtime/context'
import { fields, type Spec } from './define'

/** What a button may do to the form around it. */
export const forms = new WeakMap<Element, { submit(): void; reset(): void }>()

interface FieldComponent {
  data: { name?: string; value?: unknown }
}

/** `<form>`: gathers what its fields hold when a button in it says so. */
export function form(program: Context): Spec {
  return {
    properties: { reportSubmit: Boolean, reportSubmitTimeout: Number },
    created(part) {
      forms.set(part.host, {
        submit: () =>
          part.triggerEvent('submit', { value: values(program, part.host), formId: 'the formId is a mock one' }),
        reset: () => {
          for (const element of part.host.querySelectorAll('*')) fields.get(element)?.reset()
          part.triggerEvent('reset', {})
        },
      })
    },
  }
}

function values(program: Context, root: Element): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const element of root.querySelectorAll('*')) {
    const field = fields.get(element)
    if (field?.name()) found[field.name()] = field.value()
    const component = (element as { __wxElement?: FieldComponent }).__wxElement
    if (component?.data && program.definitions.isField(component))
      found[component.data.name ?? ''] = component.data.value
  }
  delete found['']
  return found
}
