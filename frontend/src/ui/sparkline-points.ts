/**
 * Points of an SVG polyline per unbroken run of values; a null breaks the line. The scale begins at 0, or below it when
 * a value does.
 */
export function sparklinePoints(
  values: readonly (number | null)[],
  width: number,
  height: number,
  maximum?: number,
): string[] {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) return []
  const low = Math.min(0, ...known)
  const high = Math.max(maximum ?? Number.NEGATIVE_INFINITY, ...known)
  const span = high - low || 1
  const step = values.length > 1 ? width / (values.length - 1) : 0
  const runs: string[][] = [[]]
  values.forEach((value, index) => {
    if (value === null) {
      runs.push([])
      return
    }
    const y = height - ((value - low) / span) * height
    runs.at(-1)?.push(`${round(index * step)},${round(y)}`)
  })
  return runs
    .filter((run) => run.length > 0)
    .map((run) => (run.length === 1 ? `${run[0]} ${run[0]}` : run.join(' ')))
}

const round = (value: number) => Math.round(value * 100) / 100
