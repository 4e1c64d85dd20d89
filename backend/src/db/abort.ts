/**
 * `running`, or the signal's reason as soon as it aborts. What was running goes on; the caller no longer
 * waits for it, and a late failure is not an unhandled rejection.
 */
export function abortable<T>(running: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return running
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    running.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
