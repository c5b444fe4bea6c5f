import { type Labels, labels, textOf } from '../../src/texts'

export type { Labels }

/** The words of a component: of its `lang`, with those in `text` in place of the others. */
export function labelsOf(lang: string, text: unknown): Labels {
  return { ...labels(languageOf(lang)), ...(text as Partial<Labels> | null) }
}

/** What to tell the person about an error, in the component's language. */
export function wordsOf(error: unknown, lang: string): string {
  return textOf(error, languageOf(lang))
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
