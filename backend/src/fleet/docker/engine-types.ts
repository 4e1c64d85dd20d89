import { z } from 'zod'

// Only what is read. Engines leave out, null or zero what does not apply, and older and other engines
// (Podman) do so more often, so everything but identity has a default.
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '')
const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? [])
const number = z
  .number()
  .nullish()
  .transform((value) => value ?? 0)
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false)
const labels = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {})

export const EngineVersion = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: text,
  Os: text,
  Arch: text,
  KernelVersion: text,
})

export const EngineInfo = z.object({
  ID: text,
  Name: text,
  OperatingSystem: text,
  OSType: text,
  KernelVersion: text,
  Architecture: text,
  NCPU: number,
  MemTotal: number,
})

/** Of `/info`, like {@link EngineInfo}. */
export const EngineClock = z.object({ SystemTime: z.string().nullish() })

const EnginePort = z.object({
  IP: z.string().nullish(),
  PrivatePort: z.number(),
  PublicPort: z.number().nullish(),
  Type: text,
})

export const EngineContainer = z.object({
  Id: z.string(),
  Names: texts,
  Image: text,
  ImageID: text,
  Created: number,
  State: text,
  Status: text,
  Ports: z
    .array(EnginePort)
    .nullish()
    .transform((value) => value ?? []),
  Labels: labels,
  NetworkSettings: z
    .object({
      Networks: z.record(z.string(), z.object({ NetworkID: text, IPAddress: text }).nullable()).nullish(),
    })
    .nullish(),
})
export const EngineContainers = z
  .array(EngineContainer)
  .nullable()
  .transform((value) => value ?? [])

export const EngineContainerDetail = z.object({
  Id: z.string(),
  Name: text,
  Created: text,
  Image: text,
  RestartCount: number,
  Path: text,
  Args: texts,
  State: z.object({
    Status: text,
    ExitCode: number,
    Error: text,
    OOMKilled: flag,
    StartedAt: text,
    FinishedAt: text,
    Health: z
      .object({
        Status: text,
        Log: z
          .array(z.object({ Start: text, ExitCode: number, Output: text }))
          .nullish()
          .transform((value) => value ?? []),
      })
      .nullish(),
  }),
  HostConfig: z.object({
    RestartPolicy: z.object({ Name: text, MaximumRetryCount: number }).nullish(),
    LogConfig: z.object({ Type: text }).nullish(),
    Privileged: flag,
    CapAdd: texts,
    Memory: number,
    NanoCpus: number,
    CpuQuota: number,
    CpuPeriod: number,
    PidsLimit: z.number().nullish(),
  }),
  Config: z.object({
    Hostname: text,
    User: text,
    Tty: flag,
    Env: texts,
    Cmd: texts,
    Entrypoint: z
      .union([z.array(z.string()), z.string().transform((value) => [value])])
      .nullish()
      .transform((value) => value ?? []),
    Image: text,
    WorkingDir: text,
    Labels: labels,
    Healthcheck: z.object({ Test: texts, Interval: number, Retries: number }).nullish(),
  }),
  Mounts: z
    .array(z.object({ Type: text, Source: text, Name: text, Destination: text, Mode: text, RW: flag }))
    .nullish()
    .transform((value) => value ?? []),
  NetworkSettings: z
    .object({
      Networks: z
        .record(
          z.string(),
          z.object({ IPAddress: text, Gateway: text, MacAddress: text, Aliases: texts }).nullable(),
        )
        .nullish(),
    })
    .nullish(),
})

export const EngineImages = z
  .array(
    z.object({
      Id: z.string(),
      RepoTags: texts,
      RepoDigests: texts,
      Created: number,
      Size: number,
    }),
  )
  .nullable()
  .transform((value) => value ?? [])

export const EngineNetworks = z
  .array(
    z.object({
      Id: z.string(),
      Name: text,
      Created: text,
      Driver: text,
      Scope: text,
      EnableIPv6: flag,
      Internal: flag,
      Attachable: flag,
      Labels: labels,
      IPAM: z
        .object({
          Config: z.array(z.object({ Subnet: text, Gateway: text })).nullish(),
        })
        .nullish(),
    }),
  )
  .nullable()
  .transform((value) => value ?? [])

export const EngineTop = z.object({
  Titles: texts,
  Processes: z
    .array(z.array(z.string()))
    .nullish()
    .transform((value) => value ?? []),
})

export const EngineEvent = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: text, Attributes: labels }),
  time: number,
  timeNano: number,
})

export type EngineVersion = z.infer<typeof EngineVersion>
export type EngineInfo = z.infer<typeof EngineInfo>
export type EngineContainer = z.infer<typeof EngineContainer>
export type EngineContainerDetail = z.infer<typeof EngineContainerDetail>
export type EngineImage = z.infer<typeof EngineImages>[number]
export type EngineNetwork = z.infer<typeof EngineNetworks>[number]
export type EngineTop = z.infer<typeof EngineTop>
export type EngineEvent = z.infer<typeof EngineEvent>
