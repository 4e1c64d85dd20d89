import { Tooltip as Radix } from 'radix-ui'
import type { ReactNode } from 'react'

/** Names an icon button or explains a figure; not for what a phone must be able to read. */
export function Tooltip({ content, children }: { content: ReactNode; children: ReactNode }) {
  return (
    <Radix.Provider delayDuration={300}>
      <Radix.Root>
        <Radix.Trigger asChild>{children}</Radix.Trigger>
        <Radix.Portal>
          <Radix.Content
            sideOffset={6}
            collisionPadding={8}
            className="z-50 max-w-xs animate-appear rounded-md border border-line bg-raised px-2 py-1 text-ink text-xs shadow-(--popover-shadow)"
          >
            {content}
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
    </Radix.Provider>
  )
}
