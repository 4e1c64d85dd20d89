/** A bar of how far something is; one that cannot tell is as wide as it gets and faint. */
export function Progress({ share, label }: { share: number | null; label: string }) {
  const percent = share === null ? undefined : Math.round(share * 100)
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className="h-1.5 overflow-hidden rounded-full bg-raised"
    >
      <div
        className={
          share === null
            ? 'h-full w-full rounded-full bg-chart-1 opacity-40'
            : 'h-full rounded-full bg-chart-1'
        }
        style={percent === undefined ? undefined : { width: `${percent}%` }}
      />
    </div>
  )
}
