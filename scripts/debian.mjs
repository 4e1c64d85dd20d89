// What tests need of the system, where this is a machine of a CI that may be changed: a Debian container, as root.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { say } from './ensure.mjs'

/** Does nothing elsewhere: then the tests say what is missing. */
export function installInCi(name, what) {
  if (process.env.CI !== 'true' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  say(`installing ${what}`)
  const quiet = {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }
  spawnSync('apt-get', ['update', '-qq'], quiet)
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], quiet)
}
