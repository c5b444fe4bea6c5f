// A plugin of Prettier that lays out JSON with comments.
import { applyEdits, format } from 'jsonc-parser'

interface Text {
  text: string
}

const layout = { tabSize: 2, insertSpaces: true }

export const parsers = {
  jsonc: {
    parse: (text: string): Text => ({ text }),
    astFormat: 'json-text',
    locStart: () => 0,
    locEnd: (node: Text) => node.text.length,
  },
}

export const printers = {
  'json-text': {
    print: ({ node: { text } }: { node: Text }) => applyEdits(text, format(text, undefined, layout)).trim(),
  },
}
