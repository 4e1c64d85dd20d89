const ENGINES = ['sqlite', 'postgres', 'timescale'] as const
type Engine = (typeof ENGINES)[number]

/**
 * The engines that tests run on: all, or those that TEST_ENGINES names, e.g. `postgres,timescale` where better-sqlite3
 * is not installed.
 *
 * @throws Error when it names another one.
 */
export function testEngines(): readonly Engine[] {
  const given = process.env.TEST_ENGINES?.split(',').map((name) => name.trim()) ?? []
  if (given.length === 0) return ENGINES
  const unknown = given.filter((name) => !ENGINES.some((engine) => engine === name))
  if (unknown.length > 0)
    throw new Error(`TEST_ENGINES names ${unknown.join(', ')}: it is ${ENGINES.join(', ')}`)
  return ENGINES.filter((engine) => given.includes(engine))
}
