type Child = Node | string | undefined | false
type Props = Record<string, unknown> & { class?: string; on?: Record<string, (event: never) => void> }

/**
 * Makes an element. A property that the element has is set, anything else becomes an attribute; `on`
 * holds listeners. Undefined and false leave a property out.
 */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || name === 'on') continue
    if (name === 'class') element.className = String(value)
    else if (name in element && !name.startsWith('aria')) Object.assign(element, { [name]: value })
    else element.setAttribute(name, String(value))
  }
  for (const [type, listener] of Object.entries(props.on ?? {})) element.addEventListener(type, listener as EventListener)
  element.append(...children.filter((child): child is Node | string => child !== undefined && child !== false))
  return element
}

export function button(text: string, press: () => void, props: Props = {}): HTMLButtonElement {
  return h('button', { type: 'button', ...props, on: { click: press, ...props.on } }, text)
}

const shapes: Record<string, string> = {
  back: 'M15 4 7 12l8 8',
  home: 'M4 11 12 4l8 7v9h-5v-6H9v6H4z',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M4 12.5 9.5 18 20 6.5',
  cross: 'M6 6l12 12M18 6 6 18',
  signal: 'M3 18v-3M9 18v-6M15 18V9M21 18V5',
  wifi: 'M2 9c6-5.5 14-5.5 20 0M5.5 13c4-3.5 9-3.5 13 0M9 16.7c2-1.5 4-1.5 6 0M12 19.7v.1',
  none: 'M4 12h13l-4-4M17 12l-4 4M5 4l14 16',
}

/** A drawing in lines, of the colour of the text around it. */
export function icon(name: keyof typeof shapes): SVGSVGElement {
  const space = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(space, 'svg')
  const path = document.createElementNS(space, 'path')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  path.setAttribute('d', shapes[name]!)
  svg.append(path)
  return svg
}

/** A group of choices of which one holds, as radio buttons. */
export function choice<T extends string>(
  legend: string,
  name: string,
  options: readonly (readonly [T, string])[],
  chosen: T,
  choose: (value: T) => void,
): HTMLFieldSetElement {
  return h(
    'fieldset',
    { class: 'choice' },
    h('legend', {}, legend),
    h(
      'div',
      { class: 'segments' },
      ...options.map(([value, text]) =>
        h(
          'label',
          {},
          h('input', { type: 'radio', name, value, checked: value === chosen, on: { change: () => choose(value) } }),
          h('span', {}, text),
        ),
      ),
    ),
  )
}

/** Something that is on or off. */
export function toggle(text: string, note: string, checked: boolean, change: (on: boolean) => void): HTMLLabelElement {
  const input = h('input', { type: 'checkbox', role: 'switch', checked, on: { change: () => change(input.checked) } })
  return h('label', { class: 'toggle' }, input, h('span', {}, h('span', { class: 'name' }, text), h('small', {}, note)))
}
