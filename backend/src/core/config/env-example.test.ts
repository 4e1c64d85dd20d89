import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { envSchema, FILE_VARIABLES } from './env.schema.ts'

const example = readFileSync(new URL('../../../../.env.example', import.meta.url), 'utf8')
const lines = [...example.matchAll(/^#?([A-Z][A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => ({
  name,
  value,
}))

test('.env.example lists every variable of the schema', () => {
  const listed = lines.map((line) => line.name)
  expect(listed).toEqual(expect.arrayContaining(Object.keys(envSchema.shape)))
})

test('.env.example shows the defaults that the schema has', () => {
  const shown = Object.fromEntries(
    lines.filter((line) => line.value !== '').map((line) => [line.name, line.value]),
  )
  const parsed: Record<string, unknown> = envSchema.parse({})
  for (const name of Object.keys(envSchema.shape)) {
    const fromExample: Record<string, unknown> = envSchema.parse(
      shown[name] === undefined ? {} : { [name]: shown[name] },
    )
    expect([name, fromExample[name]]).toEqual([name, parsed[name]])
  }
})

test('.env.example gives no secret a value', () => {
  const secrets = lines.filter((line) => /PASSWORD|SECRET|TOKEN|_URL$/.test(line.name))
  expect(secrets.length).toBeGreaterThan(FILE_VARIABLES.length)
  expect(secrets.filter((line) => line.value !== '')).toEqual([])
})
