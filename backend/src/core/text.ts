const unstorable = /[\0\p{Surrogate}]/u
const everyUnstorable = /[\0\p{Surrogate}]/gu

/** PostgreSQL's text has no NUL and no half of a surrogate pair. */
export const isStorable = (text: string): boolean => !unstorable.test(text)

/** Text from outside as every store gives it back: at most `most` UTF-16 units, with U+FFFD for what none can hold. */
export const storable = (text: string, most: number): string =>
  text.slice(0, most).replaceAll(everyUnstorable, '\ufffd')
