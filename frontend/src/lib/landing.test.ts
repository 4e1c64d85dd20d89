import { expect, it } from 'vitest'
import { landingOf } from './landing.ts'

const user = { defaultLandingPage: '/containers' }

it('goes where the user was on the way to', () => {
  expect(landingOf('/hosts/3?range=1h', user)).toBe('/hosts/3?range=1h')
})

it.each(['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)'])(
  'never leaves the product for %s',
  (next) => {
    expect(landingOf(next, user)).toBe('/containers')
  },
)

it('falls back to the overview when the start page makes no sense', () => {
  expect(landingOf(undefined, { defaultLandingPage: '' })).toBe('/')
})
