export type Env = Readonly<Record<string, string | undefined>>

/** The variables of this process, as they are now. For what looks at them; the configuration comes from `loadConfig`. */
export const processEnvironment = (): Env => process.env
