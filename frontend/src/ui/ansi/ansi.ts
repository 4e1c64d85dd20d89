import Anser from 'anser'

export interface AnsiStyle {
  /** CSS colour; null is the colour of plain text */
  color: string | null
  background: string | null
  bold: boolean
  dim: boolean
  italic: boolean
  underline: boolean
  strike: boolean
}

/** A run of text in one style; style null is plain. */
export interface AnsiSegment {
  text: string
  style: AnsiStyle | null
}

type Rgb = readonly [red: number, green: number, blue: number]

const NAMED: Record<string, Rgb> = {
  'ansi-black': [40, 44, 52],
  'ansi-red': [205, 49, 49],
  'ansi-green': [13, 150, 90],
  'ansi-yellow': [229, 190, 16],
  'ansi-blue': [36, 114, 200],
  'ansi-magenta': [170, 60, 180],
  'ansi-cyan': [17, 150, 190],
  'ansi-white': [229, 229, 229],
  'ansi-bright-black': [102, 102, 102],
  'ansi-bright-red': [241, 76, 76],
  'ansi-bright-green': [35, 209, 139],
  'ansi-bright-yellow': [245, 245, 67],
  'ansi-bright-blue': [59, 142, 234],
  'ansi-bright-magenta': [214, 112, 214],
  'ansi-bright-cyan': [41, 184, 219],
  'ansi-bright-white': [255, 255, 255],
}

const ESC = '\u001b'
/** CSI with its parameters and final byte; group 1 parameters, group 2 final byte, empty when the line ends before it. */
const CSI = new RegExp(`(?:${ESC}\\[|\u009b)([0-?]*)[ -/]*([@-~]|$)`, 'g')
/** OSC, DCS, SOS, PM, APC: up to their terminator, or to the end of the line when that was cut off. */
const STRINGS = new RegExp(
  `(?:${ESC}[\\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|${ESC}\\\\|\u009c|$)`,
  'g',
)
const TWO_BYTE = new RegExp(`${ESC}[ -/]*[0-Z\\\\^-~]`, 'g')
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the point.
const CONTROLS = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009a\u009c-\u009f]/g
/** Direction overrides let text read as something else than it is (CVE-2021-42574); shown as a replacement character. */
const DIRECTION = /[\u202a-\u202e\u2066-\u2069]/g

/** Leaves SGR sequences (colours and weights) as ESC [ … m and takes out everything else that is not text or a tab. */
function onlyColours(line: string): string {
  // A carriage return rewrites the line (progress bars): what was written last is what a terminal shows.
  const lastReturn = line.replace(/\r+$/, '').lastIndexOf('\r')
  return line
    .slice(lastReturn + 1)
    .replace(STRINGS, '')
    .replace(CSI, (_, parameters: string, final: string) =>
      final === 'm' && /^[\d;:]*$/.test(parameters) ? `${ESC}[${parameters.replaceAll(':', ';')}m` : '',
    )
    .replace(TWO_BYTE, (sequence) => (sequence === `${ESC}[` ? sequence : ''))
    .replace(CONTROLS, '')
    .replace(DIRECTION, '\ufffd')
}

/** The text of a line as a person reads it: without colours and control characters. */
export function stripAnsi(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins a colour sequence.
  return onlyColours(line).replace(/\u001b(\[[\d;]*m)?/g, '')
}

const PALETTE_STEPS = [0, 95, 135, 175, 215, 255] as const

/** xterm's 256 colours from 16 on: a 6×6×6 cube, then 24 greys. */
function paletteRgb(index: number): Rgb {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10
    return [grey, grey, grey]
  }
  const cube = index - 16
  const step = (position: number) => PALETTE_STEPS[position] ?? 0
  return [step(Math.floor(cube / 36)), step(Math.floor(cube / 6) % 6), step(cube % 6)]
}

/** What anser says about a colour: a class of the 16, `ansi-palette-N`, or `ansi-truecolor` with its `r, g, b`. */
function toRgb(name: string | null, trueColor: string | null): Rgb | null {
  if (name === null) return null
  const named = NAMED[name]
  if (named) return named
  const palette = /^ansi-palette-(\d{1,3})$/.exec(name)
  if (palette) return paletteRgb(Number(palette[1]))
  const rgb = /^(\d{1,3}), (\d{1,3}), (\d{1,3})$/.exec(trueColor ?? '')
  return rgb ? [Number(rgb[1]), Number(rgb[2]), Number(rgb[3])] : null
}

const css = ([red, green, blue]: Rgb) => `rgb(${red} ${green} ${blue})`

const isLight = ([red, green, blue]: Rgb) => 0.2126 * red + 0.7152 * green + 0.0722 * blue > 140

/**
 * Text in a foreign colour keeps its hue, but its lightness is held where the page's surface leaves it readable. On a
 * background of its own it keeps the colour its author paired with it.
 */
function textColor(name: string | null, trueColor: string | null, background: Rgb | null): string | null {
  const rgb = toRgb(name, trueColor)
  if (background !== null) return rgb ? css(rgb) : isLight(background) ? 'rgb(20 20 24)' : 'rgb(250 250 250)'
  if (rgb === null) return null
  if (name !== null && name in NAMED) return `var(--${name})`
  return `oklch(from ${css(rgb)} clamp(var(--ansi-darkest), l, var(--ansi-lightest)) c h)`
}

/** Splits one line into styled runs of plain text. Nothing in it is ever markup. */
export function parseAnsi(line: string): AnsiSegment[] {
  const clean = onlyColours(line)
  if (!clean.includes(ESC)) return clean === '' ? [] : [{ text: clean, style: null }]
  return Anser.ansiToJson(clean, { json: true, remove_empty: true, use_classes: true })
    .map((entry): AnsiSegment => {
      const has = (name: Anser.DecorationName) => entry.decorations.includes(name)
      // Its types say string, but a colour that is not set arrives as null.
      const background = toRgb(entry.bg || null, entry.bg_truecolor || null)
      const style: AnsiStyle = {
        color: textColor(entry.fg || null, entry.fg_truecolor || null, background),
        background: background ? css(background) : null,
        bold: has('bold'),
        // Hidden text is shown, only dimmed: a log viewer that hides text helps whoever wrote it to hide.
        dim: has('dim') || has('hidden'),
        italic: has('italic'),
        underline: has('underline'),
        strike: has('strikethrough'),
      }
      const plain =
        style.color === null &&
        style.background === null &&
        !(style.bold || style.dim || style.italic || style.underline || style.strike)
      return { text: entry.content.replaceAll(ESC, ''), style: plain ? null : style }
    })
    .filter((segment) => segment.text !== '')
}

export interface MarkedSegment extends AnsiSegment {
  /** this run is (part of) a match of the search */
  match: boolean
}

/** Cuts runs where matches of `pattern` (global flag) begin and end; matches may span several runs. */
export function markMatches(segments: readonly AnsiSegment[], pattern: RegExp | null): MarkedSegment[] {
  const text = segments.map((segment) => segment.text).join('')
  const cuts: [from: number, to: number][] = []
  if (pattern !== null) {
    for (const match of text.matchAll(pattern)) {
      if (match[0] !== '') cuts.push([match.index, match.index + match[0].length])
      if (cuts.length >= 200) break
    }
  }
  if (cuts.length === 0) return segments.map((segment) => ({ ...segment, match: false }))
  const out: MarkedSegment[] = []
  let offset = 0
  for (const segment of segments) {
    const end = offset + segment.text.length
    let position = offset
    for (const [from, to] of cuts) {
      if (to <= position || from >= end) continue
      const start = Math.max(from, position)
      const stop = Math.min(to, end)
      if (start > position) out.push({ ...segment, text: text.slice(position, start), match: false })
      out.push({ ...segment, text: text.slice(start, stop), match: true })
      position = stop
    }
    if (position < end) out.push({ ...segment, text: text.slice(position, end), match: false })
    offset = end
  }
  return out
}
