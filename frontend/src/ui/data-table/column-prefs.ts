import { useCallback, useState } from 'react'

const keyOf = (table: string) => `holdfast.columns.${table}`

function load(table: string): Record<string, boolean> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(keyOf(table)) ?? '{}')
    if (typeof stored !== 'object' || stored === null) return {}
    return Object.fromEntries(
      Object.entries(stored).filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean'),
    )
  } catch {
    // Storage blocked or its content damaged: the table's own choice of columns is fine.
    return {}
  }
}

/** Which columns this person switched on or off in a table, remembered in the browser. */
export function useColumnChoice(
  table: string,
): [choice: Readonly<Record<string, boolean>>, choose: (id: string, shown: boolean) => void] {
  const [choice, setChoice] = useState(() => load(table))
  const choose = useCallback(
    (id: string, shown: boolean) => {
      setChoice((before) => {
        const next = { ...before, [id]: shown }
        try {
          localStorage.setItem(keyOf(table), JSON.stringify(next))
        } catch {
          // Without storage the choice lasts until the page is closed.
        }
        return next
      })
    },
    [table],
  )
  return [choice, choose]
}
