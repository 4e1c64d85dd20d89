export { adopt } from './adopt.ts'
export { AdoptError } from './adopt-error.ts'
export { reportText } from './report.ts'
