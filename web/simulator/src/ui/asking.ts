// The sheets in which WeChat asks a person for data: phone number, consent, picture.
import { button, h } from './dom'
import { album, blobOf, draw, type Picture } from './pictures'
import type { Sheets } from './sheet'
import { fill, type Words } from './words'

const mobile = /^1\d{10}$/

/** Shows a number without its middle, as WeChat's sheet does. */
export function masked(number: string): string {
  return number.replace(/^(.{3}).*(.{4})$/, '$1****$2')
}

/** Who asks, and for what. */
function head(w: Words, what: string): HTMLElement {
  return h(
    'header',
    {},
    h('p', { class: 'asker' }, h('span', { class: 'logo', 'aria-hidden': 'true' }, 'm'), `${w.sheet.app} ${w.sheet.asks}`),
    h('h2', {}, what),
  )
}

interface PhoneQuestion {
  realtime: boolean
  numbers: string[]
  privacy: boolean
}

export async function askPhone(sheets: Sheets, w: Words, contract: string, question: PhoneQuestion): Promise<string | null> {
  const title = question.realtime ? w.sheet.phoneRealtime : w.sheet.phone
  const said = await sheets.ask<{ number: string } | 'no' | 'other'>(
    'bottom',
    title,
    (answer) => [
      head(w, title),
      h('p', { class: 'muted' }, w.sheet.phoneWhy),
      ...question.numbers.map((number) =>
        h('p', { class: 'number' }, h('strong', {}, masked(number)), h('small', {}, w.sheet.bound)),
      ),
      button(w.sheet.other, () => answer('other'), { class: 'link' }),
      ...(question.privacy ? [consentLine(sheets, w, contract, w.sheet.byAllowing)] : []),
      h(
        'div',
        { class: 'pair' },
        button(w.sheet.deny, () => answer('no')),
        button(w.sheet.allow, () => answer({ number: question.numbers[0] ?? '' }), { class: 'primary', 'data-first': '' }),
      ),
    ],
    'no',
  )
  if (said === 'no') return null
  if (said !== 'other') return said.number
  const other = await askOther(sheets, w)
  return other ?? askPhone(sheets, w, contract, question)
}

function askOther(sheets: Sheets, w: Words): Promise<string | null> {
  return sheets.ask<string | null>(
    'bottom',
    w.sheet.otherLabel,
    (answer) => {
      const wrong = h('p', { class: 'wrong', role: 'alert' })
      const input = h('input', { type: 'tel', inputMode: 'numeric', maxLength: 11, autocomplete: 'off', 'data-first': '' })
      const form = h(
        'form',
        {
          on: {
            submit: (event: Event) => {
              event.preventDefault()
              if (mobile.test(input.value)) answer(input.value)
              else wrong.textContent = w.sheet.otherWrong
            },
          },
        },
        h('label', { class: 'field' }, w.sheet.otherLabel, input),
        wrong,
        h('div', { class: 'pair' }, button(w.sheet.cancel, () => answer(null)), h('button', { class: 'primary' }, w.sheet.ok)),
      )
      return [head(w, w.sheet.phone), form]
    },
    null,
  )
}

export function askPrivacy(sheets: Sheets, w: Words, contract: string, referrer: string): Promise<'agree' | 'disagree'> {
  return sheets.ask<'agree' | 'disagree'>(
    'bottom',
    w.sheet.privacy,
    (answer) => [
      h('h2', {}, w.sheet.privacy),
      consentLine(sheets, w, contract, w.sheet.privacyText),
      h('p', { class: 'muted' }, fill(w.sheet.asked, { api: referrer })),
      h(
        'div',
        { class: 'pair' },
        button(w.sheet.disagree, () => answer('disagree')),
        button(w.sheet.agree, () => answer('agree'), { class: 'primary', 'data-first': '' }),
      ),
    ],
    'disagree',
  )
}

/** A sentence in which the name of the privacy guide opens it. */
function consentLine(sheets: Sheets, w: Words, contract: string, sentence: string): HTMLElement {
  const [before = '', after = ''] = sentence.split('{guide}')
  return h('p', {}, before, button(contract, () => void openGuide(sheets, w, contract), { class: 'link inline' }), after)
}

export async function openGuide(sheets: Sheets, w: Words, contract: string): Promise<void> {
  await sheets.ask<true>(
    'full',
    contract,
    (answer) => [
      h('h2', {}, contract),
      ...w.sheet.guideText.map((text) => h('p', {}, text)),
      button(w.sheet.close, () => answer(true), { class: 'primary', 'data-first': '' }),
    ],
    true,
  )
}

/** WeChat's picture of the person, one of the album, or a photo. */
export async function askAvatar(sheets: Sheets, w: Words, user: string): Promise<Blob | null> {
  const way = await sheets.ask<'own' | 'album' | 'camera' | null>(
    'bottom',
    w.sheet.avatar,
    (answer) => [
      h(
        'div',
        { class: 'list' },
        button(w.sheet.own, () => answer('own'), { 'data-first': '' }),
        button(w.sheet.album, () => answer('album')),
        button(w.sheet.camera, () => answer('camera')),
      ),
      button(w.sheet.cancel, () => answer(null), { class: 'apart' }),
    ],
    null,
  )
  if (way === null) return null
  if (way === 'own') return blobOf(draw('face', user))
  const picture = way === 'album' ? await askAlbum(sheets, w, user) : await askCamera(sheets, w, user)
  return picture ? blobOf(draw(picture, user, way === 'camera' ? 640 : 240)) : askAvatar(sheets, w, user)
}

function askAlbum(sheets: Sheets, w: Words, user: string): Promise<Picture | null> {
  return sheets.ask<Picture | null>(
    'full',
    w.sheet.album,
    (answer) => [
      h('h2', {}, w.sheet.album),
      h(
        'div',
        { class: 'album' },
        ...album.map((name, i) => {
          const tile = button('', () => answer(name), { 'aria-label': w.sheet.pictures[name], ...(i === 0 && { 'data-first': '' }) })
          tile.append(draw(name, user))
          return tile
        }),
      ),
      button(w.sheet.cancel, () => answer(null), { class: 'apart' }),
    ],
    null,
  )
}

function askCamera(sheets: Sheets, w: Words, user: string): Promise<Picture | null> {
  return sheets.ask<Picture | null>(
    'full',
    w.sheet.camera,
    (answer) => [
      h('div', { class: 'finder', 'aria-hidden': 'true' }, draw('camera', user)),
      h(
        'div',
        { class: 'shutter' },
        button(w.sheet.cancel, () => answer(null), { class: 'link' }),
        button('', () => answer('camera'), { class: 'trigger', 'aria-label': w.sheet.shoot, 'data-first': '' }),
      ),
    ],
    null,
  )
}
