// Adds up what the steps of .ci/run left in a folder and prints the closing line.
// A step that left nothing counts as one failure: silence is not success.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder = '.', status = '1'] = process.argv.slice(2)
let passed = 0
let failed = 0

for (const name of ['test.json', 'e2e.json']) {
  const file = join(folder, name)
  if (!existsSync(file)) {
    failed += 1
    continue
  }
  const report = JSON.parse(readFileSync(file, 'utf8'))
  passed += report.numPassedTests
  failed += report.numFailedTests
  // A file that breaks while loading has no tests of its own to count.
  failed += report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length
  if (report.numTotalTests === 0) failed += 1
}

const checkFile = join(folder, 'check.txt')
const check = existsSync(checkFile)
  ? /^(\d+) passed, (\d+) failed$/m.exec(readFileSync(checkFile, 'utf8'))
  : null
passed += Number(check?.[1] ?? 0)
failed += check ? Number(check[2]) : 1
if (status !== '0' && failed === 0) failed = 1

process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
