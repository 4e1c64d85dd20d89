export type CheckStatus = 'healthy' | 'degraded' | 'unhealthy'

export interface Check {
  readonly status: CheckStatus
  /** A constant text, fit for anybody to read. */
  readonly error?: string
  /** What exactly is wrong and what to do: for people who are signed in. */
  readonly reason?: string
}

export interface Readiness {
  readonly status: CheckStatus
  readonly checks: Readonly<Record<string, Check>>
}

/** Each looks at one thing; null when the thing is not part of this installation. */
export type HealthChecks = Readonly<Record<string, () => Promise<Check | null>>>

const CHECK_TIMEOUT_MS = 3000

export type HealthService = ReturnType<typeof createHealthService>

export function createHealthService(deps: { checks: HealthChecks }) {
  return {
    /** Looks at everything at once; a check that hangs or fails counts as unhealthy. The worst decides. */
    async readiness(): Promise<Readiness> {
      const entries = await Promise.all(
        Object.entries(deps.checks).map(async ([name, check]) => [name, await runCheck(check)] as const),
      )
      const checks = Object.fromEntries(
        entries.flatMap(([name, check]) => (check ? [[name, check] as const] : [])),
      )
      const statuses = Object.values(checks).map((check) => check.status)
      const status = statuses.includes('unhealthy')
        ? 'unhealthy'
        : statuses.includes('degraded')
          ? 'degraded'
          : 'healthy'
      return { status, checks }
    },
  }
}

async function runCheck(check: () => Promise<Check | null>): Promise<Check | null> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<Check>((resolve) => {
    timer = setTimeout(() => resolve({ status: 'unhealthy', error: 'No answer in time' }), CHECK_TIMEOUT_MS)
  })
  try {
    return await Promise.race([check(), timeout])
  } catch (error) {
    return {
      status: 'unhealthy',
      error: 'The check failed',
      reason: error instanceof Error ? error.message : String(error),
    }
  } finally {
    clearTimeout(timer)
  }
}
