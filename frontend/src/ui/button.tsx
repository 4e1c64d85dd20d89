import { cva, type VariantProps } from 'class-variance-authority'
import { LoaderCircle } from 'lucide-react'
import { Slot } from 'radix-ui'
import type { ComponentProps } from 'react'
import { cn } from '../lib/cn.ts'

const buttonStyle = cva(
  'inline-flex shrink-0 select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-md font-medium transition-colors duration-100 disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0',
  {
    variants: {
      variant: {
        primary: 'bg-accent-solid text-on-accent hover:bg-accent-solid-hover',
        secondary: 'border border-line bg-card text-ink hover:bg-raised',
        ghost: 'text-ink-2 hover:bg-raised hover:text-ink',
        danger: 'bg-critical-solid text-white hover:bg-critical-solid-hover',
      },
      size: {
        sm: 'h-7 px-2.5 text-sm',
        md: 'h-8 px-3 text-sm',
        lg: 'h-9 px-4 text-base',
        icon: 'size-8',
        'icon-sm': 'size-7',
      },
    },
    defaultVariants: { variant: 'secondary', size: 'md' },
  },
)

interface ButtonProps extends ComponentProps<'button'>, VariantProps<typeof buttonStyle> {
  /** Give the look to the child (a link) instead of rendering a button. */
  asChild?: boolean
  /** Shows that the action is under way and refuses a second press. */
  busy?: boolean
}

export function Button({
  variant,
  size,
  className,
  asChild,
  busy,
  disabled,
  children,
  ...rest
}: ButtonProps) {
  const style = cn(buttonStyle({ variant, size }), className)
  if (asChild) {
    return (
      <Slot.Root className={style} {...rest}>
        {children}
      </Slot.Root>
    )
  }
  return (
    <button type="button" className={style} disabled={disabled || busy} aria-busy={busy} {...rest}>
      {busy ? <LoaderCircle className="animate-spin" aria-hidden /> : null}
      {children}
    </button>
  )
}
