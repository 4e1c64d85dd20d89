import type { StorageUnit } from '../../lib/api/types.ts'
import { texts } from '../../lib/texts.ts'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { type Action, otherStore } from './unit-facts.ts'
import { useStep } from './use-storage.ts'

const t = texts.storage

/** Steps that follow a press at once: they are light, and the opposite is one press away. */
export const AT_ONCE: readonly Action[] = ['verify', 'pause', 'resume']
const FOR_GOOD: readonly Action[] = ['finish', 'purge']

interface StepDialogProps {
  step: { action: Action; units: readonly StorageUnit[] } | null
  onClose: () => void
}

/** Says what a step will do and whether it can be undone; the word has to be typed for what cannot. */
export function StepDialog({ step, onClose }: StepDialogProps) {
  const { mutate, isPending, error, reset } = useStep()
  const [first] = step?.units ?? []
  if (!step || !first) return null
  const { action, units } = step
  const names = units.map(({ unit }) => unit)
  const subject = units.length === 1 ? first.unit : t.confirm.several(units.length)
  const truth = first.placement ?? 'sqlite'
  const close = () => {
    reset()
    onClose()
  }
  const forGood = FOR_GOOD.includes(action)
  return (
    <ConfirmDialog
      open
      onClose={close}
      onConfirm={() => mutate({ action, units: names }, { onSuccess: close })}
      title={t.confirm.title[action](subject)}
      description={
        <>
          <p>{t.confirm.what[action](t.stores[truth], t.stores[otherStore(truth)])}</p>
          {units.length > 1 ? <p className="mt-2">{t.confirm.oneByOne(names.join(', '))}</p> : null}
          <p className={forGood ? 'mt-2 font-medium text-critical' : 'mt-2 font-medium text-ink'}>
            {t.confirm.undo[action]}
          </p>
        </>
      }
      confirm={t.action[action]}
      danger={forGood || action === 'abort'}
      busy={isPending}
      error={error?.message}
      {...(forGood ? { typed: subject } : {})}
    />
  )
}
