const unstorable = /[\0\p{Surrogate}]/u

/** PostgreSQL's text has no NUL and no half of a surrogate pair. */
export const isStorable = (text: string): boolean => !unstorable.test(text)
