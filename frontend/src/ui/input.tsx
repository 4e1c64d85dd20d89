import { Search, X } from 'lucide-react'
import { type ComponentProps, type ReactNode, useId } from 'react'
import { cn } from '../lib/cn.ts'
import { texts } from '../lib/texts.ts'

const FIELD =
  'w-full rounded-md border border-line-strong bg-card text-ink text-sm placeholder:text-ink-3 disabled:opacity-60 aria-invalid:border-critical'

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input className={cn(FIELD, 'h-8 px-2.5', className)} {...rest} />
}

export function Textarea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <textarea className={cn(FIELD, 'mono min-h-20 px-2.5 py-1.5', className)} {...rest} />
}

/** The browser's own select: it knows phones, keys and screen readers. */
export function Select({ className, ...rest }: ComponentProps<'select'>) {
  return <select className={cn(FIELD, 'h-8 w-auto max-w-full px-2 pr-7', className)} {...rest} />
}

export function Checkbox({ className, ...rest }: Omit<ComponentProps<'input'>, 'type'>) {
  return <input type="checkbox" className={cn('checkbox', className)} {...rest} />
}

interface CheckFieldProps {
  label: ReactNode
  checked: boolean
  onChange: (checked: boolean) => void
}

/** A box with its words beside it, both of which can be pressed: a filter that is on or off. */
export function CheckField({ label, checked, onChange }: CheckFieldProps) {
  const id = useId()
  return (
    <div className="flex h-8 items-center text-ink-2 text-sm">
      <Checkbox id={id} checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <label htmlFor={id} className="pl-1.5 leading-8">
        {label}
      </label>
    </div>
  )
}

interface SearchInputProps {
  value: string
  onChange: (value: string) => void
  /** Says what is searched; also the name for screen readers. */
  placeholder: string
  className?: string
}

export function SearchInput({ value, onChange, placeholder, className }: SearchInputProps) {
  return (
    <div className={cn('relative', className)}>
      <Search
        aria-hidden
        className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3"
      />
      <input
        type="search"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        placeholder={placeholder}
        aria-label={placeholder}
        autoComplete="off"
        spellCheck={false}
        data-search-field
        className={cn(FIELD, 'h-8 pr-8 pl-8 [&::-webkit-search-cancel-button]:hidden')}
      />
      {value === '' ? null : (
        <button
          type="button"
          aria-label={texts.common.clearSearch}
          onClick={() => onChange('')}
          className="absolute top-1/2 right-1.5 -translate-y-1/2 rounded-sm p-1 text-ink-3 hover:text-ink"
        >
          <X className="size-3.5" aria-hidden />
        </button>
      )}
    </div>
  )
}

interface FieldProps {
  label: ReactNode
  hint?: ReactNode
  error?: string | undefined
  /** Receives the ids that tie control, hint and error together. */
  children: (control: { id: string; 'aria-describedby': string; 'aria-invalid': boolean }) => ReactNode
  className?: string
}

/** A labelled control with its hint and its error below. */
export function Field({ label, hint, error, children, className }: FieldProps) {
  const id = useId()
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block font-medium text-sm">
        {label}
      </label>
      {children({ id, 'aria-describedby': `${id}-note`, 'aria-invalid': error !== undefined })}
      <p id={`${id}-note`} className={cn('mt-1 text-xs', error ? 'text-critical' : 'text-ink-3')}>
        {error ?? hint}
      </p>
    </div>
  )
}

export interface TextFieldProps extends ComponentProps<'input'> {
  label: ReactNode
  hint?: ReactNode
  error?: string | undefined
}

/** A labelled line of text. */
export function TextField({ label, hint, error, ...input }: TextFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => <Input {...control} {...input} />}
    </Field>
  )
}
