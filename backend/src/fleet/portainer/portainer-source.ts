import { z } from 'zod'
import { storable } from '../../core/text.ts'
import { createEngineClient } from '../docker/engine-client.ts'
import { EngineError } from '../docker/engine-error.ts'
import { type EngineTarget, engineTarget, type TlsMaterial } from '../docker/engine-target.ts'

export interface PortainerAccess {
  /** http or https; a path prefix is allowed, a trailing `/api` is not needed. */
  readonly url: string
  readonly apiKey: string
  readonly tls: TlsMaterial | undefined
}

export interface PortainerEnvironment {
  readonly id: number
  readonly name: string
}

// Portainer's kinds of environments that speak the Docker API: standalone, agent, edge agent.
const dockerTypes = new Set([1, 2, 4])

const mostCharacters = 200
const Environments = z.array(z.object({ Id: z.int32(), Name: z.string(), Type: z.int().nullish() }))
const SystemStatus = z.object({ Version: z.string().nullish() })

/** @throws EngineError of kind `bad-url` or `refused-address` */
function target(access: PortainerAccess, path: string): EngineTarget {
  const base = access.url.replace(/\/+$/, '').replace(/\/api$/, '')
  if (!/^https?:\/\//i.test(base)) {
    throw new EngineError('bad-url', 'A Portainer URL starts with http:// or https://', {
      hint: 'Example: https://portainer.example.com:9443',
    })
  }
  return engineTarget(base + path, { tls: access.tls, headers: { 'X-API-Key': access.apiKey } })
}

/** Where the Engine API of one environment is: Portainer passes it on under a path of its own. */
export function portainerEngineTarget(access: PortainerAccess, environmentId: number): EngineTarget {
  return target(access, `/api/endpoints/${environmentId}/docker`)
}

/**
 * The Docker environments that the API key may see, and Portainer's version.
 *
 * @throws EngineError `unauthorized` when the key is wrong, or why Portainer cannot be reached
 */
export async function listEnvironments(
  access: PortainerAccess,
  signal?: AbortSignal,
): Promise<{ version: string | undefined; environments: PortainerEnvironment[] }> {
  const client = createEngineClient(target(access, ''))
  try {
    const status = await client.json(SystemStatus, '/api/status', { signal })
    const list = await client.json(Environments, '/api/endpoints', { signal })
    const environments = list
      .filter((each) => each.Type === null || each.Type === undefined || dockerTypes.has(each.Type))
      .map((each) => ({ id: each.Id, name: storable(each.Name, mostCharacters) }))
    return { version: status.Version ?? undefined, environments }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    if (error.kind === 'unauthorized') {
      throw new EngineError('unauthorized', 'Portainer refused the API key', {
        hint: 'Make a key in Portainer under My account → Access tokens, and paste it whole.',
        status: error.status,
        cause: error,
      })
    }
    if (error.kind === 'not-docker' || error.kind === 'not-found') {
      throw new EngineError('not-docker', `${access.url} is not a Portainer server`, {
        hint: 'Check the address; Portainer listens on 9443 (https) or 9000 (http).',
        cause: error,
      })
    }
    throw error
  } finally {
    client.close()
  }
}
