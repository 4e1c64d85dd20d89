import type { UseMutationResult } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button } from '../../ui/button.tsx'
import { Card, CardHeader } from '../../ui/card.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { ErrorState, Loading, Skeleton } from '../../ui/states.tsx'

interface SettingsListProps<T> {
  title: string
  hint: string
  add: string
  onAdd: () => void
  query: {
    data: { items: readonly T[] } | undefined
    error: Error | null
    refetch: () => Promise<unknown>
  }
  row: (item: T) => ReactNode
  /** instead of the rows when there are none */
  empty?: ReactNode
  removal: Removal<T>
  /** dialogs */
  children: ReactNode
}

/** What is asked before a thing of the list goes. */
interface Removal<T> {
  /** the thing it is about; null keeps the dialog closed */
  item: T | null
  onClose: () => void
  title: (item: T) => string
  hint: string
  confirm: string
  mutation: Pick<UseMutationResult<unknown, Error, T>, 'mutate' | 'reset' | 'isPending' | 'error'>
}

/** A tab with a list of things that can be added and removed: its head, rows, empty, loading and error states. */
export function SettingsList<T>({ title, hint, query, removal, ...props }: SettingsListProps<T>) {
  const { data, error, refetch } = query
  if (error && !data) return <ErrorState error={error} onRetry={() => void refetch()} />
  if (!data) {
    return (
      <Loading className="max-w-4xl">
        <Skeleton className="h-48" />
      </Loading>
    )
  }
  const { item, mutation } = removal
  return (
    <Card className="max-w-4xl">
      <CardHeader
        title={title}
        hint={hint}
        actions={
          <Button variant="primary" onClick={props.onAdd}>
            <Plus aria-hidden />
            {props.add}
          </Button>
        }
      />
      {data.items.length === 0 && props.empty !== undefined ? (
        <div className="border-line border-t">{props.empty}</div>
      ) : (
        <ul className="divide-y divide-line border-line border-t">{data.items.map(props.row)}</ul>
      )}
      {props.children}
      <ConfirmDialog
        open={item !== null}
        onClose={() => {
          mutation.reset()
          removal.onClose()
        }}
        onConfirm={() => {
          if (item !== null) mutation.mutate(item)
        }}
        title={item === null ? '' : removal.title(item)}
        description={removal.hint}
        confirm={removal.confirm}
        danger
        busy={mutation.isPending}
        error={mutation.error?.message}
      />
    </Card>
  )
}
