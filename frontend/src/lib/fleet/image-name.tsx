import { cn } from '../cn.ts'

interface ImageNameProps {
  image: string
  /** Of the end, which tells one image from another. */
  className?: string
}

/** An image that is shortened at its registry and path, never at its name and tag while these have room. */
export function ImageName({ image, className }: ImageNameProps) {
  const cut = Math.max(0, image.lastIndexOf('/'))
  return (
    <span className="flex min-w-0" title={image}>
      <span className="truncate text-ink-3">{image.slice(0, cut)}</span>
      <span className={cn('max-w-full shrink-0 truncate', className)}>{image.slice(cut)}</span>
    </span>
  )
}
