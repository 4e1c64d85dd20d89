import type { ChartTheme } from './chart-theme.ts'

/** The plot with its title and legend on the card's background, as a PNG at the screen's pixel density. */
export function chartToPng(input: {
  canvas: HTMLCanvasElement
  theme: ChartTheme
  title: string
  lines: readonly { label: string; color: string }[]
}): Promise<Blob> {
  const { canvas, theme } = input
  const ratio = devicePixelRatio
  const header = 28 * ratio
  const rowHeight = 18 * ratio
  const out = document.createElement('canvas')
  const context = out.getContext('2d')
  if (context === null) return Promise.reject(new Error('This browser gave no drawing surface'))
  const font = (size: number, weight = 400) => `${weight} ${theme.font.replace('11px', `${size * ratio}px`)}`

  context.font = font(11)
  const slots: { x: number; y: number; label: string; color: string }[] = []
  let x = 8 * ratio
  let y = 0
  for (const line of input.lines) {
    const width = context.measureText(line.label).width + 28 * ratio
    if (x + width > canvas.width && x > 8 * ratio) {
      x = 8 * ratio
      y += rowHeight
    }
    slots.push({ ...line, x, y })
    x += width
  }
  out.width = canvas.width
  out.height = header + canvas.height + (slots.length > 0 ? y + rowHeight + 6 * ratio : 0)

  context.fillStyle = theme.background
  context.fillRect(0, 0, out.width, out.height)
  context.fillStyle = theme.text
  context.textBaseline = 'middle'
  context.font = font(13, 600)
  context.fillText(input.title, 8 * ratio, header / 2)
  context.drawImage(canvas, 0, header)
  context.font = font(11)
  for (const slot of slots) {
    const middle = header + canvas.height + slot.y + rowHeight / 2
    context.fillStyle = theme.line(slot.color)
    context.fillRect(slot.x, middle - 1.5 * ratio, 12 * ratio, 3 * ratio)
    context.fillStyle = theme.text
    context.fillText(slot.label, slot.x + 17 * ratio, middle)
  }
  return new Promise((resolve, reject) => {
    out.toBlob((blob) => {
      if (blob === null) reject(new Error('The picture could not be made'))
      else resolve(blob)
    }, 'image/png')
  })
}
