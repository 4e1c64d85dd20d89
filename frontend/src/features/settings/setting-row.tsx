import { RotateCcw } from 'lucide-react'
import { type ReactNode, useId } from 'react'
import type { Setting } from '../../lib/api/types.ts'
import { cn } from '../../lib/cn.ts'
import { texts } from '../../lib/texts.ts'
import { Button } from '../../ui/button.tsx'
import { Input, Textarea } from '../../ui/input.tsx'
import { Switch } from '../../ui/switch.tsx'
import { Tooltip } from '../../ui/tooltip.tsx'
import { type Draft, describeDefault } from './setting-draft.ts'

const t = texts.settings

interface SettingRowProps {
  setting: Setting
  draft: Draft
  problem: string | undefined
  onDraft: (draft: Draft) => void
  onReset: () => void
}

export function SettingRow({ setting, draft, problem, onDraft, onReset }: SettingRowProps) {
  const id = useId()
  const note = `${id}-note`
  return (
    <div className="grid gap-x-6 gap-y-2 px-4 py-3 sm:grid-cols-[1fr_18rem]">
      <div className="min-w-0">
        <label htmlFor={id} className="font-medium">
          {setting.label}
        </label>
        <p className="text-ink-2 text-sm">{setting.help}</p>
      </div>
      <div className="min-w-0">
        <div className="flex min-h-8 items-center gap-2">
          <SettingControl
            setting={setting}
            draft={draft}
            onDraft={onDraft}
            control={{ id, 'aria-describedby': note, 'aria-invalid': problem !== undefined }}
          />
          {setting.isSet ? (
            <Tooltip content={t.reset}>
              <Button
                variant="ghost"
                size="icon"
                aria-label={`${t.reset}: ${setting.label}`}
                onClick={onReset}
              >
                <RotateCcw aria-hidden />
              </Button>
            </Tooltip>
          ) : null}
        </div>
        <p id={note} className={cn('mt-1 text-xs', problem ? 'text-critical' : 'text-ink-3')}>
          {problem ??
            (setting.type === 'secret' && setting.isSet
              ? t.secretSet
              : t.defaultIs(describeDefault(setting)))}
        </p>
      </div>
    </div>
  )
}

interface SettingControlProps {
  setting: Setting
  draft: Draft
  onDraft: (draft: Draft) => void
  control: { id: string; 'aria-describedby': string; 'aria-invalid': boolean }
}

function SettingControl({ setting, draft, onDraft, control }: SettingControlProps): ReactNode {
  if (typeof draft === 'boolean') return <Switch {...control} checked={draft} onCheckedChange={onDraft} />
  const onChange = (event: { target: { value: string } }) => onDraft(event.target.value)
  switch (setting.type) {
    case 'json':
      return <Textarea {...control} value={draft} onChange={onChange} spellCheck={false} />
    case 'number':
      return (
        <>
          <Input
            {...control}
            inputMode="numeric"
            className="tabular w-28"
            value={draft}
            onChange={onChange}
          />
          {setting.unit ? <span className="text-ink-2 text-sm">{setting.unit}</span> : null}
        </>
      )
    case 'secret':
      return (
        <Input {...control} type="password" autoComplete="new-password" value={draft} onChange={onChange} />
      )
    case 'string':
    case 'boolean':
      return <Input {...control} value={draft} onChange={onChange} />
  }
}
