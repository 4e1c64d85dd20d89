import type { SecretBox } from '../core/crypto/secret-box.ts'
import { AppError, conflict, invalid, notFound } from '../core/errors.ts'
import { isDbError } from '../db/db-errors.ts'
import { EngineError } from './docker/engine-error.ts'
import { engineTarget } from './docker/engine-target.ts'
import type { EndpointInput, EndpointPatch, EndpointTestResult } from './endpoint.schema.ts'
import { openEngine } from './endpoint-access.ts'
import type { EndpointRow, EndpointValues, FleetStore } from './fleet.store.ts'
import { listEnvironments, portainerEngineTarget } from './portainer/portainer-source.ts'

/** Rules of adding and changing endpoints. Callers are admins; see the routes. */
export function createEndpointAdmin(deps: { store: FleetStore; box: SecretBox }) {
  const { store, box } = deps

  async function named<T>(name: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (isDbError(error, 'unique'))
        throw conflict(`There is already an endpoint named ${name}`, 'name_taken')
      throw error
    }
  }

  async function find(id: number): Promise<EndpointRow> {
    const row = (await store.listEndpoints()).find((each) => each.id === id)
    if (!row) throw notFound('No such endpoint', 'endpoint_not_found')
    return row
  }

  return {
    async create(input: EndpointInput): Promise<EndpointRow> {
      checkInput(input)
      return named(input.name, () =>
        store.insertEndpoint({
          parentId: null,
          kind: input.kind,
          name: input.name,
          url: input.url,
          externalId: null,
          enabled: true,
          allowActions: input.allowActions,
          ...tlsColumns(input.tls, box),
          apiKeySealed: input.apiKey === undefined ? null : box.seal(input.apiKey),
        }),
      )
    },

    /**
     * @throws AppError `credentials_required` when the URL changes and stored credentials would go to another place
     */
    async update(id: number, patch: EndpointPatch): Promise<EndpointRow> {
      const row = await find(id)
      if (row.kind === 'local' || row.parentId !== null) refuseFixedFields(row, patch)
      const changesUrl = patch.url !== undefined && patch.url !== row.url
      const hasStoredTls = row.tlsKeySealed !== null
      if (changesUrl && row.apiKeySealed !== null && patch.apiKey === undefined) {
        throw credentialsRequired('apiKey')
      }
      if (changesUrl && hasStoredTls && patch.tls === undefined) throw credentialsRequired('tls')
      // The key was stored to be shown to a host that proves who it is.
      const weakensTls = patch.tls !== undefined && patch.tls !== null && !patch.tls.verify && row.tlsVerify
      if (weakensTls && row.apiKeySealed !== null && patch.apiKey === undefined)
        throw credentialsRequired('apiKey')
      const values: EndpointValues = {
        ...row,
        name: patch.name ?? row.name,
        url: patch.url ?? row.url,
        enabled: patch.enabled ?? row.enabled,
        allowActions: patch.allowActions ?? row.allowActions,
        ...(patch.tls === undefined ? {} : tlsColumns(patch.tls ?? undefined, box)),
        ...(patch.apiKey === undefined
          ? {}
          : { apiKeySealed: patch.apiKey === null ? null : box.seal(patch.apiKey) }),
      }
      if (values.url !== null && (changesUrl || patch.tls !== undefined || patch.apiKey !== undefined)) {
        checkUrl(values.kind, values.url, values.apiKeySealed !== null, patch.tls ?? undefined)
      }
      const updated = await named(values.name, () => store.updateEndpoint(id, values))
      if (!updated) throw notFound('No such endpoint', 'endpoint_not_found')
      return updated
    },

    async remove(id: number): Promise<EndpointRow> {
      const row = await find(id)
      if (row.kind === 'local')
        throw conflict('This machine cannot be removed; disable it instead', 'endpoint_fixed')
      if (row.parentId !== null) {
        throw conflict('The environment belongs to a Portainer server; disable it instead', 'endpoint_fixed')
      }
      await store.deleteEndpoint(id)
      return row
    },

    /** Tries what was typed, with the credentials that were typed and no others. Saves nothing. */
    async test(input: EndpointInput): Promise<EndpointTestResult> {
      try {
        return input.kind === 'portainer' ? await testPortainer(input) : await testDocker(input)
      } catch (error) {
        if (error instanceof EngineError) {
          return {
            ok: false,
            message: error.message,
            ...(error.hint === undefined ? {} : { hint: error.hint }),
          }
        }
        throw error
      }
    },
  }
}

async function testDocker(input: EndpointInput): Promise<EndpointTestResult> {
  const source = openEngine(input.url, input.tls)
  try {
    const facts = await source.connect()
    const containers = await source.containers()
    return {
      ok: true,
      message: `Docker ${facts.engineVersion} on ${facts.name}, ${containers.length} containers`,
      engineVersion: facts.engineVersion,
    }
  } finally {
    source.close()
  }
}

async function testPortainer(input: EndpointInput): Promise<EndpointTestResult> {
  const access = { url: input.url, apiKey: input.apiKey ?? '', tls: input.tls }
  const { version, environments } = await listEnvironments(access)
  return {
    ok: true,
    message: `Portainer ${version ?? ''} with ${environments.length} Docker environments`.replace('  ', ' '),
    ...(version === undefined ? {} : { engineVersion: version }),
    environments,
  }
}

function checkInput(input: EndpointInput): void {
  checkUrl(input.kind, input.url, input.apiKey !== undefined, input.tls)
}

function checkUrl(
  kind: EndpointRow['kind'],
  url: string,
  hasApiKey: boolean,
  tls: EndpointInput['tls'],
): void {
  if (kind === 'portainer' && !hasApiKey) {
    throw invalid('A Portainer endpoint needs an API key', undefined, 'api_key_required')
  }
  if (tls && (tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalid('A client certificate and its key go together', undefined, 'tls_incomplete')
  }
  try {
    if (kind === 'portainer') portainerEngineTarget({ url, apiKey: 'unused', tls }, 1)
    else engineTarget(url, { tls })
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw new AppError(400, 'invalid_endpoint', error.message, {
      cause: error,
      ...(error.hint === undefined ? {} : { extra: { hint: error.hint } }),
    })
  }
}

function refuseFixedFields(row: EndpointRow, patch: EndpointPatch): void {
  const nameIsFixed = row.parentId !== null && patch.name !== undefined
  if (patch.url === undefined && patch.tls === undefined && patch.apiKey === undefined && !nameIsFixed) return
  const owner = row.kind === 'local' ? 'the configuration of this machine' : 'its Portainer server'
  throw conflict(`The connection of this endpoint comes from ${owner}`, 'endpoint_fixed')
}

function tlsColumns(tls: EndpointInput['tls'], box: SecretBox) {
  return {
    tlsCa: tls?.ca ?? null,
    tlsCert: tls?.cert ?? null,
    tlsKeySealed: tls?.key === undefined ? null : box.seal(tls.key),
    tlsVerify: tls?.verify ?? true,
  }
}

function credentialsRequired(field: string): AppError {
  return new AppError(
    400,
    'credentials_required',
    `Enter the ${field} again: stored credentials are not sent to a new address`,
  )
}
