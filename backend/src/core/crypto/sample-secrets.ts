const SAMPLES = new Set([
  'admin',
  'administrator',
  'changeit',
  'default',
  'dockhand',
  'example',
  'holdfast',
  'letmein',
  'password',
  'passw0rd',
  'qwerty',
  'qwertyuiop',
  'root',
  'sample',
  'secret',
  'test',
  'arcane-admin',
  'a_random_jwt_secret',
  'your-secret-key',
  'your_secret_key',
  'supersecret',
  'super-secret',
  'iloveyou',
  'welcome',
])

/**
 * True for secrets that stand in sample files and tutorials, also with digits or punctuation behind them
 * (`changeme123`, `Admin!`), and for a single character or short pattern repeated.
 */
export function isSampleSecret(secret: string): boolean {
  const plain = secret.trim().toLowerCase()
  if (/^(change|replace)[-_ ]?(me|this|it)/.test(plain)) return true
  if (/^<.*>$/.test(plain) || /^(your|my)[-_ ]/.test(plain)) return true
  if (/^(.{1,4})\1+$/.test(plain)) return true
  if (/^0?1234567/.test(plain)) return true
  return SAMPLES.has(plain) || SAMPLES.has(plain.replace(/[\d!?.@#$*_-]+$/, ''))
}
