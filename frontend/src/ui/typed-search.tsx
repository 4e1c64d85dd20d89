import { useEffect, useState } from 'react'
import { SearchInput } from './input.tsx'

interface TypedSearchProps {
  value: string
  /** Called when the typing pauses. */
  onSettled: (value: string) => void
  /** How long a pause is; longer where each change asks the server. */
  pauseMs: number
  placeholder: string
  className?: string
}

/** A search field that shows at once what is typed and tells it when the typing pauses. */
export function TypedSearch({ value, onSettled, pauseMs, ...field }: TypedSearchProps) {
  const [text, setText] = useState(value)
  const [settled, setSettled] = useState(value)
  // The value changed from elsewhere (back, clear): the field follows it.
  if (value !== settled) {
    setSettled(value)
    setText(value)
  }
  useEffect(() => {
    if (text === value) return
    const timer = setTimeout(() => onSettled(text), pauseMs)
    return () => clearTimeout(timer)
  })
  return <SearchInput value={text} onChange={setText} {...field} />
}
