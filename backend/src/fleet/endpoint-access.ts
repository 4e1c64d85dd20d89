import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { SecretBox } from '../core/crypto/secret-box.ts'
import { createDockerSource, type DockerSource } from './docker/docker-source.ts'
import { createEngineClient } from './docker/engine-client.ts'
import { EngineError } from './docker/engine-error.ts'
import { engineTarget, type TlsMaterial } from './docker/engine-target.ts'
import type { EndpointRow } from './fleet.store.ts'
import { type PortainerAccess, portainerEngineTarget } from './portainer/portainer-source.ts'

export interface LocalEngineConfig {
  /** DOCKER_HOST: unix://, tcp://, http:// or https://. */
  readonly dockerHost: string | undefined
  /** Path of the socket. */
  readonly dockerSocket: string | undefined
}

/**
 * Where this machine's engine is: what is configured, else the first socket found in the usual places.
 *
 * @returns null when nothing is configured and no socket is there
 */
export function localEngineUrl(config: LocalEngineConfig): string | null {
  if (config.dockerHost !== undefined) return config.dockerHost
  if (config.dockerSocket !== undefined) return `unix://${config.dockerSocket}`
  const runtime = `/run/user/${process.getuid?.() ?? 0}`
  const candidates = [
    '/var/run/docker.sock',
    `${runtime}/docker.sock`,
    `${runtime}/podman/podman.sock`,
    join(homedir(), '.docker/run/docker.sock'),
    '/run/podman/podman.sock',
  ]
  const found = candidates.find((path) => existsSync(path))
  return found === undefined ? null : `unix://${found}`
}

/** The TLS material of a row, key opened; undefined when it has none and the default verification. */
function tlsOf(row: EndpointRow, box: SecretBox): TlsMaterial | undefined {
  if (row.tlsCa === null && row.tlsCert === null && row.tlsKeySealed === null && row.tlsVerify)
    return undefined
  return {
    ca: row.tlsCa ?? undefined,
    cert: row.tlsCert ?? undefined,
    key: row.tlsKeySealed === null ? undefined : openSecret(row.tlsKeySealed, box),
    verify: row.tlsVerify,
  }
}

export function portainerAccess(row: EndpointRow, box: SecretBox): PortainerAccess {
  if (row.url === null || row.apiKeySealed === null) {
    throw new EngineError('unauthorized', 'The endpoint has no API key', {
      hint: 'Enter the Portainer API key.',
    })
  }
  return { url: row.url, apiKey: openSecret(row.apiKeySealed, box), tls: tlsOf(row, box) }
}

/**
 * Opens the engine of an endpoint; nothing is sent yet.
 *
 * @param parent the Portainer server of an environment
 * @throws EngineError when what is stored cannot be used
 */
export function openEndpoint(
  row: EndpointRow,
  context: { box: SecretBox; parent: EndpointRow | undefined },
): DockerSource {
  if (context.parent && row.externalId !== null) {
    const target = portainerEngineTarget(portainerAccess(context.parent, context.box), row.externalId)
    return createDockerSource(createEngineClient(target))
  }
  if (row.url === null) throw new EngineError('bad-url', 'The endpoint has no URL')
  return openEngine(row.url, tlsOf(row, context.box))
}

export function openEngine(url: string, tls?: TlsMaterial): DockerSource {
  return createDockerSource(createEngineClient(engineTarget(url, { tls })))
}

function openSecret(sealed: string, box: SecretBox): string {
  try {
    return box.open(sealed)
  } catch (error) {
    throw new EngineError('unauthorized', 'The stored credentials cannot be decrypted', {
      hint: 'SECRET_KEY (or secret.key in the data folder) has changed: enter the credentials again.',
      cause: error,
    })
  }
}
