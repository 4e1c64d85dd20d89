/**
 * One read for all who ask for the same at the same time. Whoever comes while a read is under way shares the next
 * one, never that one: every answer was read after it was asked for, so nothing is seen that was over before.
 */
export function sharedRead<Answer>(read: (key: string) => Promise<Answer>): (key: string) => Promise<Answer> {
  const running = new Map<string, Promise<Answer>>()
  const next = new Map<string, Promise<Answer>>()

  function start(key: string): Promise<Answer> {
    next.delete(key)
    const answer = read(key).finally(() => {
      if (running.get(key) === answer) running.delete(key)
    })
    running.set(key, answer)
    return answer
  }

  return (key) => {
    const waiting = next.get(key)
    if (waiting !== undefined) return waiting
    const before = running.get(key)
    if (before === undefined) return start(key)
    const again = () => start(key)
    const answer = before.then(again, again)
    next.set(key, answer)
    return answer
  }
}
