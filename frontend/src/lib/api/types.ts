import type { components } from './generated/schema.d.ts'

type Schemas = components['schemas']

export type ApiToken = Schemas['ApiToken']
export type AuditEntry = Schemas['AuditEntry']
export type Backup = Schemas['Backup']
export type BackupList = Schemas['BackupList']
export type BackupLoss = Schemas['BackupLoss']
export type BackupOperation = Schemas['BackupOperation']
export type ContainerDetail = Schemas['ContainerDetail']
export type ContainerHealth = Schemas['ContainerHealth']
export type ContainerState = Schemas['ContainerState']
export type ContainerSummary = Schemas['ContainerSummary']
export type DoctorFinding = Schemas['DoctorFinding']
export type DoctorReport = Schemas['DoctorReport']
export type DomainInfo = Schemas['DomainInfo']
export type Endpoint = Schemas['Endpoint']
export type EndpointInput = Schemas['EndpointInput']
export type EndpointPatch = Schemas['EndpointPatch']
export type EndpointStatus = Schemas['EndpointStatus']
export type EndpointTestResult = Schemas['EndpointTestResult']
export type FleetCounts = Schemas['FleetCounts']
export type FleetEvent = Schemas['FleetEvent']
export type FleetOverview = Schemas['FleetOverview']
export type HeatCell = Schemas['HeatCell']
export type HostDetail = Schemas['HostDetail']
export type HostProcess = Schemas['HostProcess']
export type HostSummary = Schemas['HostSummary']
export type ImageSummary = Schemas['ImageSummary']
export type LogLine = Schemas['LogLine']
export type LogSearchEnd = Schemas['LogSearchEnd']
export type LogSearchMessage = Schemas['LogSearchMessage']
export type NetworkSummary = Schemas['NetworkSummary']
export type MoveLogEntry = Schemas['MoveLogEntry']
export type MovePlan = Schemas['MovePlan']
export type QuarantinedRow = Schemas['QuarantinedRow']
export type Readiness = Schemas['Readiness']
export type Rehearsal = Schemas['Rehearsal']
export type Role = Schemas['Role']
export type Session = Schemas['Session']
export type Setting = Schemas['Setting']
export type StackSummary = Schemas['StackSummary']
export type StorageArchive = Schemas['StorageArchive']
export type StorageUnit = Schemas['StorageUnit']
export type StoreInfo = Schemas['StoreInfo']
export type SystemInfo = Schemas['SystemInfo']
export type TokenScope = Schemas['TokenScope']
export type TopItem = Schemas['TopItem']
export type User = Schemas['User']

/** A page of a list; `nextCursor` is opaque and null on the last one. */
export interface Page<T> {
  items: T[]
  nextCursor: string | null
}

// What `/live` sends is not part of the OpenAPI document; its parts are.

/** `fleet:changes`: what differs from the batch before. */
export interface FleetChanges {
  /** Grows by one; a hole means that a batch was lost. */
  seq: number
  upserts: ContainerSummary[]
  removes: { endpointId: number; id: string }[]
  /** Only those that changed. */
  endpoints: Endpoint[]
  removedEndpoints: number[]
  counts: FleetCounts
}

/** `fleet:samples`: rows are [endpointId, name, cpuPercent, memoryUsedBytes]. */
export interface FleetSamples {
  at: string
  rows: [number, string, number | null, number | null][]
}

/** `sample` of rooms `host:…` and `container:…`. */
export interface LiveSample {
  endpointId: number
  subject: 'host' | 'container'
  name: string
  timeMs: number
  /** Keyed `metric` or `metric[instance]`; a value that is not known is not there. */
  values: Record<string, number>
}

/** `logs:lines` of rooms `logs:…`. */
export interface LogLines {
  endpointId: number
  name: string
  lines: LogLine[]
  /** Lines left out because this client was too slow. */
  dropped: number
}

/** `storage:units` of the room `storage`: the units that have changed, each as a whole. */
export interface StorageUnits {
  items: StorageUnit[]
}
