// The sheets in which a Mini Program tells or asks something in words of its own.
import type { Modal, Picker } from '../surroundings'
import { button, h } from './dom'
import type { Sheets } from './sheet'
import type { Words } from './words'

export function showModal(sheets: Sheets, modal: Modal): Promise<{ confirm: boolean; content?: string }> {
  return sheets.ask('middle', modal.title || modal.content || modal.confirmText, (answer) => {
    const input = h('input', { type: 'text', placeholder: modal.placeholderText, value: modal.editable ? modal.content : '', 'aria-label': modal.title })
    const confirm = () => answer({ confirm: true, ...(modal.editable && { content: input.value }) })
    return [
      ...(modal.title ? [h('h2', {}, modal.title)] : []),
      ...(modal.editable ? [input] : [h('p', {}, modal.content)]),
      h(
        'div',
        { class: 'halves' },
        modal.showCancel && button(modal.cancelText, () => answer({ confirm: false })),
        button(modal.confirmText, confirm, { class: 'confirm', 'data-first': '' }),
      ),
    ]
  })
}

export function showActionSheet(sheets: Sheets, w: Words, items: string[], alertText = ''): Promise<number | null> {
  return sheets.ask<number | null>(
    'bottom',
    alertText || w.sheet.actions,
    (answer) => [
      ...(alertText ? [h('p', { class: 'muted centre' }, alertText)] : []),
      h('div', { class: 'list' }, ...items.map((item, i) => button(item, () => answer(i), i === 0 ? { 'data-first': '' } : {}))),
      button(w.sheet.cancel, () => answer(null), { class: 'apart' }),
    ],
    null,
  )
}

/** One of a range, or a date or time by the browser's own field. */
export function pick(sheets: Sheets, w: Words, picker: Picker): Promise<unknown> {
  if (picker.mode === 'selector') return showActionSheet(sheets, w, picker.range)
  return sheets.ask<string | null>(
    'bottom',
    w.sheet.pick,
    (answer) => {
      const type = picker.mode === 'date' || picker.mode === 'time' ? picker.mode : 'text'
      const field = h('input', { type, value: String(picker.value ?? ''), min: picker.start, max: picker.end, 'aria-label': w.sheet.pick, 'data-first': '' })
      return [
        field,
        h('div', { class: 'pair' }, button(w.sheet.cancel, () => answer(null)), button(w.sheet.ok, () => answer(field.value), { class: 'primary' })),
      ]
    },
    null,
  )
}

/** The small dark box in the middle of the screen. */
export class ToastBox {
  readonly element = h('div', { class: 'toast', role: 'status', 'aria-live': 'polite' })

  show(title: string, icon: 'success' | 'error' | 'loading' | 'none', mask = false) {
    const box = h('div', { class: `box ${icon}` })
    if (icon !== 'none') box.append(h('span', { class: 'sign', 'aria-hidden': 'true' }, { success: '✓', error: '!', loading: '' }[icon]))
    box.append(h('span', {}, title))
    this.element.replaceChildren(box)
    this.element.classList.toggle('mask', mask)
  }

  hide() {
    this.element.replaceChildren()
    this.element.classList.remove('mask')
  }
}
