/** The body of a multipart/form-data request (RFC 7578), and the Content-Type that names its boundary. */
export function multipart(
  fields: Record<string, string>,
  file: { name: string; path: string; content: Uint8Array },
): { contentType: string; body: ArrayBuffer } {
  const parts: Uint8Array[] = []
  const part = (disposition: string, content: Uint8Array, more = '') => {
    parts.push(
      bytesOf(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${more}\r\n`),
      content,
      bytesOf('\r\n'),
    )
  }
  // A boundary must not occur in the content: it grows until it does not.
  let boundary = 'mpauth'
  const texts = [textOf(file.content), ...Object.values(fields)]
  while (texts.some((text) => text.includes(boundary))) boundary += '-mpauth'
  for (const name of Object.keys(fields)) part(`name=${quoted(name)}`, bytesOf(fields[name] as string))
  const fileName = file.path.slice(file.path.lastIndexOf('/') + 1)
  part(
    `name=${quoted(file.name)}; filename=${quoted(fileName)}`,
    file.content,
    'Content-Type: application/octet-stream\r\n',
  )
  parts.push(bytesOf(`--${boundary}--\r\n`))
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: joined(parts) }
}

const quoted = (name: string) => `"${name.replace(/["\r\n]/g, (one) => encodeURIComponent(one))}"`

/** UTF-8, without what only some engines bring. */
function bytesOf(text: string): Uint8Array {
  const escaped = encodeURIComponent(text).replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Uint8Array.from(escaped, (character) => character.charCodeAt(0))
}

/** Each byte as a character. */
function textOf(content: Uint8Array): string {
  let text = ''
  for (const byte of content) text += String.fromCharCode(byte)
  return text
}

function joined(parts: Uint8Array[]): ArrayBuffer {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all.buffer
}
