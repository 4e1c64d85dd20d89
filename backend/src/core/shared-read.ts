/**
 * One read for all who ask for the same at the same time. Whoever comes while a read is under way shares the next
 * one, never that one: every answer was read after it was asked for, so nothing is seen that was over before.
 */
export function sharedRead<Answer>(read: (key: string) => Promise<Answer>): (key: string) => Promise<Answer> {
  // No Map: one that fills and empties is laid anew each time, and each table that was left refers to the next one. Once
  // one of them is old, the young collections keep all that come after it, with what they hold.
  const running: Record<string, Promise<Answer>> = Object.create(null)
  const next: Record<string, Promise<Answer>> = Object.create(null)

  function start(key: string): Promise<Answer> {
    delete next[key]
    const answer = read(key).finally(() => {
      if (running[key] === answer) delete running[key]
    })
    running[key] = answer
    return answer
  }

  return (key) => {
    const waiting = next[key]
    if (waiting !== undefined) return waiting
    const before = running[key]
    if (before === undefined) return start(key)
    const again = () => start(key)
    const answer = before.then(again, again)
    next[key] = answer
    return answer
  }
}
