import { type RefObject, useLayoutEffect, useRef, useState } from 'react'

/** Room below, as below every page. */
const GUTTER = '1.25rem'

/**
 * The height that is left of the window below the top of an element, however many lines stand above it: on a phone a head
 * may take three, and what is newest must not be out of view.
 */
export function useRestOfWindow(): { ref: RefObject<HTMLDivElement | null>; height: string } {
  const ref = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    const measure = () => setTop(Math.round((ref.current?.getBoundingClientRect().top ?? 0) + window.scrollY))
    measure()
    // Whatever grows or shrinks above changes the height of the page.
    const observer = new ResizeObserver(measure)
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [])
  return { ref, height: `calc(100dvh - ${top}px - ${GUTTER})` }
}
