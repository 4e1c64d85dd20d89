/** The mark: an H held together by a ring. */
export function BrandMark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden>
      <rect width="32" height="32" rx="7" className="fill-accent-solid" />
      <path
        d="M9 7v18M23 7v18M9 16h14"
        fill="none"
        className="stroke-on-accent"
        strokeWidth="3.5"
        strokeLinecap="round"
      />
      <circle cx="16" cy="16" r="3.2" className="fill-accent-solid stroke-on-accent" strokeWidth="2.4" />
    </svg>
  )
}
