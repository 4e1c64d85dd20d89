import type { CSSProperties } from 'react'
import { type AnsiStyle, markMatches, parseAnsi } from './ansi.ts'
import './ansi.css'

function toCss(style: AnsiStyle): CSSProperties {
  const lines = [style.underline ? 'underline' : '', style.strike ? 'line-through' : '']
    .filter(Boolean)
    .join(' ')
  return {
    ...(style.color === null ? {} : { color: style.color }),
    ...(style.background === null ? {} : { backgroundColor: style.background }),
    ...(style.bold ? { fontWeight: 700 } : {}),
    ...(style.dim ? { opacity: 0.75 } : {}),
    ...(style.italic ? { fontStyle: 'italic' } : {}),
    ...(lines === '' ? {} : { textDecoration: lines }),
  }
}

/** A line with its terminal colours, matches of `pattern` marked. Text only, whatever the line contains. */
export function AnsiText({ line, pattern = null }: { line: string; pattern?: RegExp | null }) {
  let offset = 0
  return markMatches(parseAnsi(line), pattern).map((segment) => {
    const key = offset
    offset += segment.text.length
    const style = segment.style === null ? undefined : toCss(segment.style)
    if (segment.match) {
      return (
        <mark
          key={key}
          className="rounded-xs bg-warn-fill text-black"
          style={style && { fontWeight: style.fontWeight }}
        >
          {segment.text}
        </mark>
      )
    }
    return style === undefined ? (
      segment.text
    ) : (
      <span key={key} style={style}>
        {segment.text}
      </span>
    )
  })
}
