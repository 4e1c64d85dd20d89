import type {
  ApiToken,
  AuditEntry,
  AuthState,
  ContainerDetail,
  ContainerProcesses,
  ContainerSummary,
  Endpoint,
  EndpointInput,
  EndpointPatch,
  EndpointTest,
  FleetEvent,
  FleetOverview,
  HostDetail,
  HostProcess,
  HostSummary,
  ImageSummary,
  LogPage,
  NetworkSummary,
  Page,
  RangeResult,
  Ready,
  Role,
  Session,
  Setting,
  StackSummary,
  SystemStatus,
  TokenScope,
  User,
} from './types.ts'

interface Answer<T, Status extends number> {
  responses: { [S in Status]: { content: { 'application/json': T } } }
}
interface Done {
  responses: { 204: { content?: never } }
}
interface Query<Q> {
  parameters: { query?: Q }
}
interface Path<P, Q = never> {
  parameters: { path: P; query?: Q }
}
interface Body<B> {
  requestBody: { content: { 'application/json': B } }
}
interface None {
  parameters: { query?: never }
}

type ById = { id: string }
type ByEndpoint = { endpointId: number }
type ByContainer = { endpointId: number; containerId: string }
type Paging = { cursor?: string; limit?: number }
type LogQuery = {
  tail?: number
  since?: string
  until?: string
  q?: string
  regex?: boolean
  invert?: boolean
  stream?: 'stdout' | 'stderr'
  level?: string
}

/** What the API answers on each path. */
export interface paths {
  '/health/ready': { get: None & Answer<Ready, 200 | 503> }
  '/api/auth/state': { get: None & Answer<AuthState, 200> }
  '/api/auth/setup': {
    post: None & Body<{ token: string; username: string; password: string }> & Answer<User, 201>
  }
  '/api/auth/login': { post: None & Body<{ username: string; password: string }> & Answer<User, 200> }
  '/api/auth/logout': { post: None & Done }
  '/api/auth/password': { post: None & Body<{ currentPassword: string; newPassword: string }> & Done }
  '/api/auth/sessions': { get: None & Answer<{ items: Session[] }, 200> }
  '/api/auth/sessions/{id}': { delete: Path<ById> & Done }
  '/api/users': {
    get: None & Answer<{ items: User[] }, 200>
    post: None & Body<{ username: string; password: string; role: Role }> & Answer<User, 201>
  }
  '/api/users/{id}': {
    patch: Path<ById> &
      Body<{ role?: Role; password?: string; defaultLandingPage?: string }> &
      Answer<User, 200>
    delete: Path<ById> & Done
  }
  '/api/tokens': {
    get: None & Answer<{ items: ApiToken[] }, 200>
    post: None &
      Body<{ name: string; scopes: TokenScope[]; expiresAt?: string }> &
      Answer<{ token: ApiToken; secret: string }, 201>
  }
  '/api/tokens/{id}': { delete: Path<ById> & Done }
  '/api/settings': {
    get: None & Answer<{ items: Setting[] }, 200>
    patch: None & Body<{ values: Record<string, unknown> }> & Answer<{ items: Setting[] }, 200>
  }
  '/api/audit': {
    get: Query<
      Paging & { action?: string; username?: string; targetType?: string; from?: string; to?: string }
    > &
      Answer<Page<AuditEntry>, 200>
  }
  '/api/system': { get: None & Answer<SystemStatus, 200> }
  '/api/fleet/overview': { get: None & Answer<FleetOverview, 200> }
  '/api/endpoints': {
    get: None & Answer<{ items: Endpoint[] }, 200>
    post: None & Body<EndpointInput> & Answer<Endpoint, 201>
  }
  '/api/endpoints/test': { post: None & Body<EndpointInput> & Answer<EndpointTest, 200> }
  '/api/endpoints/{id}': {
    get: Path<{ id: number }> & Answer<Endpoint, 200>
    patch: Path<{ id: number }> & Body<EndpointPatch> & Answer<Endpoint, 200>
    delete: Path<{ id: number }> & Done
  }
  '/api/hosts': { get: None & Answer<{ items: HostSummary[] }, 200> }
  '/api/hosts/{endpointId}': { get: Path<ByEndpoint> & Answer<HostDetail, 200> }
  '/api/hosts/{endpointId}/processes': {
    get: Path<ByEndpoint> & Answer<{ items: HostProcess[]; total: number; sampledAt: string }, 200>
  }
  '/api/containers': {
    get: Query<
      Paging & { endpointId?: number; state?: string; health?: string; stack?: string; q?: string }
    > &
      Answer<Page<ContainerSummary> & { total: number }, 200>
  }
  '/api/containers/{endpointId}/{containerId}': { get: Path<ByContainer> & Answer<ContainerDetail, 200> }
  '/api/containers/{endpointId}/{containerId}/logs': {
    get: Path<ByContainer, LogQuery> & Answer<LogPage, 200>
  }
  '/api/containers/{endpointId}/{containerId}/processes': {
    get: Path<ByContainer> & Answer<ContainerProcesses, 200>
  }
  '/api/containers/{endpointId}/{containerId}/events': {
    get: Path<ByContainer, Paging> & Answer<Page<FleetEvent>, 200>
  }
  '/api/containers/{endpointId}/{containerId}/start': {
    post: Path<ByContainer> & Answer<{ changed: boolean; container: ContainerSummary }, 200>
  }
  '/api/containers/{endpointId}/{containerId}/stop': {
    post: Path<ByContainer> & Answer<{ changed: boolean; container: ContainerSummary }, 200>
  }
  '/api/containers/{endpointId}/{containerId}/restart': {
    post: Path<ByContainer> & Answer<{ changed: boolean; container: ContainerSummary }, 200>
  }
  '/api/stacks': { get: Query<Paging & { endpointId?: number }> & Answer<Page<StackSummary>, 200> }
  '/api/images': { get: Query<Paging & { endpointId?: number }> & Answer<Page<ImageSummary>, 200> }
  '/api/networks': { get: Query<Paging & { endpointId?: number }> & Answer<Page<NetworkSummary>, 200> }
  '/api/events': {
    get: Query<Paging & { endpointId?: number; name?: string }> & Answer<Page<FleetEvent>, 200>
  }
  '/api/metrics/range': {
    get: Query<{
      endpointId: number
      subject: 'host' | 'container'
      name: string
      metrics: string
      from: number
      to: number
      points: number
    }> &
      Answer<RangeResult, 200>
  }
}
