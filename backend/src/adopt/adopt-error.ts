export type AdoptErrorKind =
  | 'missing'
  | 'unreadable'
  | 'foreign'
  | 'corrupt'
  | 'busy'
  | 'no-room'
  | 'in-use'
  | 'not-ready'
  | 'not-equal'

/** The adoption is refused or has failed; the message says why and what to do. Nothing of the source was changed. */
export class AdoptError extends Error {
  readonly kind: AdoptErrorKind

  constructor(kind: AdoptErrorKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AdoptError'
    this.kind = kind
  }
}
