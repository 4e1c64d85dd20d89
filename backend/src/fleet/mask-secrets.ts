/** What stands in for a secret. Fixed length, so that the length of the secret does not show. */
export const MASK = '••••••••'

const secretWord =
  /(?:password|passwd|passphrase|secret|token|credential|apikey|accesskey|privatekey|secretkey)s?\d*$|^(?:pwd|dsn|salt|cookie|requirepass)$/
const secretLastWord = /^(?:keys?|pass|auth)$/
// What may follow the word that matters: DB_PASS_1, ACCESS_KEY_ID, JWT_KEY_BASE64.
const qualifier = /^(?:\d+|id|value|base64|b64|hash|old|new)$/
// They name a place or a switch, and hiding them hides what is being debugged.
const harmlessName =
  /(?:_FILE|_PATH|_DIR)$|^(?:PWD|OLDPWD|SSH_AUTH_SOCK)$|^com\.docker\.|^org\.opencontainers\./i

const urlPassword = /([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@'"]{0,256}:)[^\s/@'"]{1,1024}(@)/gi
const bearer = /\b((?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}/gi
const queryParameter =
  /([?&](?:password|passwd|pwd|secret|token|access_token|api_?key|key|signature|sig)=)[^&\s'"]+/gi
// --password=x, --password x, password=x, and the -H "X-Api-Key: x" of curl
const argument =
  /((?:^|[\s'"]|--?)[\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)[\w.-]*(?:\s*[=:]\s*|\s+(?!-)))("[^"]*"|'[^']*'|[^\s'"]+)/gi

/** Whether a variable or label of that name holds a secret by the look of its name. */
export function isSecretName(name: string): boolean {
  if (harmlessName.test(name)) return false
  const words = name
    .slice(0, 256)
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== '')
  if (words.some((word) => secretWord.test(word))) return true
  while (words.length > 1 && qualifier.test(words.at(-1) ?? '')) words.pop()
  return secretLastWord.test(words.at(-1) ?? '')
}

/** Masks what is a secret by its form, whatever it is called: URL passwords, bearer tokens, tokens in queries. */
export function maskText(text: string): string {
  if (text.length < 8) return text
  return text
    .replace(urlPassword, `$1${MASK}$2`)
    .replace(bearer, `$1${MASK}`)
    .replace(queryParameter, `$1${MASK}`)
}

/** Masks secrets in a command line written as one text. */
export function maskCommandLine(text: string): string {
  return maskText(text).replace(argument, `$1${MASK}`)
}

/** Masks secrets in a command given as separate arguments, also those split as `--password` `x`. */
export function maskArguments(args: readonly string[]): string[] {
  let nextIsSecret = false
  return args.map((arg) => {
    if (nextIsSecret && !arg.startsWith('-')) {
      nextIsSecret = false
      return MASK
    }
    nextIsSecret = /^--?[\w.-]+$/.test(arg) && isSecretName(arg.replace(/^-+/, ''))
    const assignment = /^(-{0,2}([\w.-]+)=)(.+)$/s.exec(arg)
    if (assignment?.[1] && assignment[2] && isSecretName(assignment[2])) return assignment[1] + MASK
    return maskCommandLine(arg)
  })
}

/** A `NAME=value` variable, masked by its name or by the form of its value. */
export function maskVariable(entry: string): { name: string; value: string; masked: boolean } {
  const at = entry.indexOf('=')
  const name = at < 0 ? entry : entry.slice(0, at)
  const value = at < 0 ? '' : entry.slice(at + 1)
  if (value === '') return { name, value, masked: false }
  if (isSecretName(name)) return { name, value: MASK, masked: true }
  const shown = maskText(value)
  return { name, value: shown, masked: shown !== value }
}

/** Labels or event attributes with secrets masked. The result has no prototype: a label may be `__proto__`. */
export function maskRecord(record: Readonly<Record<string, string>>): Record<string, string> {
  const masked: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(record)) {
    masked[name] = value !== '' && isSecretName(name) ? MASK : maskText(value)
  }
  return masked
}
