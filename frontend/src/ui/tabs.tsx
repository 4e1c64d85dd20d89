import { Tabs as Radix } from 'radix-ui'
import { type ReactNode, useLayoutEffect, useRef } from 'react'
import { cn } from '../lib/cn.ts'
import { Badge } from './badge.tsx'

interface TabItem<T extends string> {
  value: T
  label: ReactNode
  /** A small number beside the label. */
  count?: number | undefined
}

interface TabsProps<T extends string> {
  items: readonly TabItem<T>[]
  value: T
  /** The page keeps the choice in the URL. */
  onChange: (value: T) => void
  label: string
  /** The panel of the chosen tab only. */
  children: ReactNode
  className?: string
}

export function Tabs<T extends string>({ items, value, onChange, label, children, className }: TabsProps<T>) {
  const list = useRef<HTMLDivElement>(null)
  // On a phone the chosen tab may be out of sight.
  useLayoutEffect(() => {
    const at = items.findIndex((item) => item.value === value)
    const chosen = list.current?.children[at]
    if (!list.current || !(chosen instanceof HTMLElement)) return
    list.current.scrollLeft = chosen.offsetLeft - (list.current.clientWidth - chosen.offsetWidth) / 2
  }, [items, value])
  return (
    <Radix.Root
      value={value}
      onValueChange={(next) => {
        const item = items.find((each) => each.value === next)
        if (item) onChange(item.value)
      }}
      className={cn('min-w-0', className)}
    >
      <Radix.List
        ref={list}
        aria-label={label}
        className="relative flex gap-1 overflow-x-auto border-line border-b"
      >
        {items.map((item) => (
          <Radix.Trigger
            key={item.value}
            value={item.value}
            className="-mb-px flex shrink-0 items-center gap-1.5 border-transparent border-b-2 px-3 py-2 font-medium text-ink-2 text-sm -outline-offset-2 hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink"
          >
            {item.label}
            {item.count === undefined ? null : <Badge>{item.count}</Badge>}
          </Radix.Trigger>
        ))}
      </Radix.List>
      <Radix.Content value={value} className="pt-4 -outline-offset-2">
        {children}
      </Radix.Content>
    </Radix.Root>
  )
}
