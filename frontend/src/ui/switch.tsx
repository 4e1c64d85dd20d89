import { Switch as Radix } from 'radix-ui'
import type { ComponentProps } from 'react'
import { cn } from '../lib/cn.ts'

export function Switch({ className, ...rest }: ComponentProps<typeof Radix.Root>) {
  return (
    <Radix.Root
      className={cn(
        'relative h-5 w-9 shrink-0 rounded-full border border-line-strong bg-unknown-soft transition-colors duration-100 disabled:opacity-50 data-[state=checked]:border-accent-solid data-[state=checked]:bg-accent-solid',
        className,
      )}
      {...rest}
    >
      <Radix.Thumb className="block size-3.5 translate-x-0.5 rounded-full bg-ink-2 transition-transform duration-100 data-[state=checked]:translate-x-[17px] data-[state=checked]:bg-white" />
    </Radix.Root>
  )
}
