import { Play, RotateCw, Square } from 'lucide-react'
import { useState } from 'react'
import { fleetTexts } from '../../lib/texts/fleet.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog } from '../../ui/dialog.tsx'
import { type ActionTarget, type ContainerAction, useContainerAction } from './container-actions.ts'

const t = fleetTexts.container
const ICON = { start: Play, stop: Square, restart: RotateCw } as const
const TITLE = { start: t.startTitle, stop: t.stopTitle, restart: t.restartTitle } as const
const TEXT = { start: t.startText, stop: t.stopText, restart: t.restartText } as const

interface ActionButtonsProps {
  actions: readonly ContainerAction[]
  targets: readonly ActionTarget[]
  /** why nothing may be done; the buttons are then shown, but cannot be pressed */
  refusal?: string | undefined
  size?: 'sm' | 'md'
  onDone?: () => void
}

/** Buttons for what can be done, each with a question that says the consequences. */
export function ActionButtons({ actions, targets, refusal, size = 'md', onDone }: ActionButtonsProps) {
  const [asked, setAsked] = useState<ContainerAction | null>(null)
  const { run, busy } = useContainerAction()
  const what = targets.length === 1 ? (targets[0]?.name ?? '') : t.many(targets.length)
  return (
    <>
      {actions.map((action) => {
        const Icon = ICON[action]
        return (
          <Button
            key={action}
            size={size}
            disabled={refusal !== undefined || busy}
            title={refusal}
            onClick={() => setAsked(action)}
          >
            <Icon aria-hidden />
            {t[action]}
          </Button>
        )
      })}
      {asked !== null && (
        <ConfirmDialog
          open
          onClose={() => setAsked(null)}
          onConfirm={() => {
            void run(asked, targets).then(() => {
              setAsked(null)
              onDone?.()
            })
          }}
          title={TITLE[asked](what)}
          description={TEXT[asked]}
          confirm={t[asked]}
          danger={asked !== 'start'}
          busy={busy}
        />
      )}
    </>
  )
}
