import type { StorageUnit } from '../../moves/moves.schema.ts'
import { EXIT, UsageError } from './moves.ts'
import type { Run } from './steps.ts'
import { shadowText } from './text.ts'

/** `holdfast storage shadow`: says how shadow reads went, or sets how many there are to be. Resolves to the exit code. */
export async function runShadow(
  units: readonly StorageUnit[],
  { moves, printer }: Pick<Run, 'moves' | 'printer'>,
  share: number | undefined,
): Promise<number> {
  if (share === undefined) {
    const mirrored = units.filter(({ shadow }) => shadow !== null)
    for (const unit of mirrored) printer.result('unit', { unit }, shadowText(unit))
    if (mirrored.length === 0) printer.say('No unit has a complete mirror.')
    return mirrored.some(({ shadow }) => (shadow?.statements.length ?? 0) > 0) ? EXIT.differences : EXIT.done
  }
  const [only] = units
  if (units.length !== 1 || !only) throw new UsageError('--share is for one unit: name it.')
  const unit = await moves.shadow(only.unit, share, { name: 'cli' })
  printer.result(
    'done',
    { action: 'shadow', unit },
    `${unit.unit}: ${share} % of the reads run on the mirror too`,
  )
  return EXIT.done
}
