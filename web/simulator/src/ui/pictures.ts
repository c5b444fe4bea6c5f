/** A number that goes with a text, the same each time. */
export function numberOf(text: string): number {
  let sum = 7
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)!) >>> 0
  return sum
}

const grounds = ['#f2b84b', '#6fae8f', '#7d9fd6', '#e08a7b', '#a98bc9', '#5aa7a7', '#d98cb3', '#8f9a5b']

/** What a person has in the album: a hill at dusk, a cup, a cat, a leaf. */
export const album = ['hill', 'cup', 'cat', 'leaf'] as const
export type Picture = (typeof album)[number] | 'face' | 'camera'

/** Draws a picture; `seed` decides its colours. */
export function draw(picture: Picture, seed: string, size = 240): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size
  const c = canvas.getContext('2d')!
  c.scale(size / 100, size / 100)
  const n = numberOf(`${picture} ${seed}`)
  c.fillStyle = grounds[n % grounds.length]!
  c.fillRect(0, 0, 100, 100)
  painters[picture](c, n)
  return canvas
}

export function blobOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture cannot be made'))), 'image/png'),
  )
}

type Painter = (c: CanvasRenderingContext2D, n: number) => void

const painters: Record<Picture, Painter> = {
  face(c, n) {
    c.fillStyle = '#fff3e2'
    disc(c, 50, 42, 20)
    c.fillStyle = ['#3b2f2f', '#5a3a22', '#2c3440'][n % 3]!
    c.beginPath()
    c.ellipse(50, 31, 21, 14, 0, Math.PI, 0)
    c.fill()
    disc(c, 43, 44, 2)
    disc(c, 57, 44, 2)
    c.lineWidth = 1.8
    c.strokeStyle = c.fillStyle
    c.beginPath()
    c.arc(50, 48, 6, 0.25, Math.PI - 0.25)
    c.stroke()
    c.fillStyle = grounds[(n + 3) % grounds.length]!
    c.beginPath()
    c.ellipse(50, 100, 32, 34, 0, Math.PI, 0)
    c.fill()
  },
  camera(c, n) {
    painters.face(c, n)
    c.fillStyle = 'rgb(255 255 255 / 25%)'
    c.fillRect(0, 0, 100, 100)
  },
  hill(c) {
    c.fillStyle = '#fff6d5'
    disc(c, 68, 34, 11)
    c.fillStyle = '#3f6f5f'
    polygon(c, [0, 74, 34, 38, 70, 78, 100, 58, 100, 100, 0, 100])
    c.fillStyle = '#2a4d46'
    polygon(c, [0, 92, 50, 66, 100, 90, 100, 100, 0, 100])
  },
  cup(c) {
    c.strokeStyle = '#fff'
    c.lineWidth = 6
    c.beginPath()
    c.arc(68, 56, 11, -1.4, 1.6)
    c.stroke()
    c.fillStyle = '#fff'
    polygon(c, [28, 40, 68, 40, 63, 78, 33, 78])
    c.fillStyle = '#7a4a2b'
    polygon(c, [31, 44, 65, 44, 64, 49, 32, 49])
  },
  cat(c) {
    c.fillStyle = '#3b3b3b'
    polygon(c, [28, 24, 44, 38, 30, 50])
    polygon(c, [72, 24, 56, 38, 70, 50])
    disc(c, 50, 54, 24)
    c.fillStyle = '#ffe27a'
    disc(c, 41, 51, 4)
    disc(c, 59, 51, 4)
    c.fillStyle = '#f0a0a0'
    polygon(c, [47, 60, 53, 60, 50, 64])
  },
  leaf(c) {
    c.fillStyle = '#2f6b3c'
    c.beginPath()
    c.moveTo(22, 80)
    c.quadraticCurveTo(18, 24, 80, 20)
    c.quadraticCurveTo(84, 76, 22, 80)
    c.fill()
    c.strokeStyle = '#cfe8c8'
    c.lineWidth = 2
    c.beginPath()
    c.moveTo(20, 84)
    c.lineTo(68, 32)
    c.stroke()
  },
}

function disc(c: CanvasRenderingContext2D, x: number, y: number, radius: number) {
  c.beginPath()
  c.arc(x, y, radius, 0, 2 * Math.PI)
  c.fill()
}

function polygon(c: CanvasRenderingContext2D, points: number[]) {
  c.beginPath()
  for (let i = 0; i < points.length; i += 2) c.lineTo(points[i]!, points[i + 1]!)
  c.closePath()
  c.fill()
}
