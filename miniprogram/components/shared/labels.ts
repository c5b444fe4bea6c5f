import { type Labels, labels, type OwnTexts, textOf } from '../../src/texts'

export type { Labels }

/** The words of a component: of its `lang`, with those in `text` in place of the others. */
export function labelsOf(lang: string, text: unknown): Labels {
  return { ...labels(languageOf(lang)), ...(text as Partial<Labels> | null) }
}

/** What to tell the person about an error, in the component's language; those of `text` go by the error's code. */
export function wordsOf(error: unknown, lang: string, text: unknown): string {
  return textOf(error, languageOf(lang), text as OwnTexts | null)
}

/** `{ avatar: true }` of `custom="avatar"`: the parts whose slot takes the place of what the component draws. */
export function partsOf(custom: string): Record<string, true> {
  const parts: Record<string, true> = {}
  for (const part of custom.split(/[\s,]+/)) if (part) parts[part] = true
  return parts
}

function languageOf(lang: string): 'zh' | 'en' {
  return /^en/i.test(lang) ? 'en' : 'zh'
}
