import { z } from 'zod'
import { jsonValue } from '../core/http/route.ts'

export const Setting = z
  .object({
    key: z.string(),
    value: jsonValue.meta({ description: 'null for a secret: it can be written, never read' }),
    default: jsonValue,
    isSet: z.boolean().meta({ description: 'false: the default is in force' }),
    type: z.enum(['number', 'boolean', 'string', 'json', 'secret']),
    group: z.string(),
    label: z.string(),
    help: z.string(),
    min: z.number().optional(),
    max: z.number().optional(),
    unit: z.string().optional(),
    updatedAt: z.string().nullable(),
  })
  .meta({ id: 'Setting' })

export const SettingList = z.object({ items: z.array(Setting) }).meta({ id: 'SettingList' })

export const SettingsPatch = z
  .object({
    values: z
      .record(z.string().max(200), jsonValue)
      .refine((values) => Object.keys(values).length <= 200, 'at most 200 settings at once')
      .meta({ description: 'All are stored, or none. null sets a setting back to its default.' }),
  })
  .meta({ id: 'SettingsPatch' })
