/** Exit codes of a container that was asked to end: 0, SIGINT, SIGTERM. */
const ORDERLY = new Set([0, 130, 143])

/** Whether a container ended as it should, of itself or because it was asked to. */
export const isOrderlyExit = (code: number): boolean => ORDERLY.has(code)
