export { createStorageFacts } from './storage-facts.ts'
