const kernel = 'backend/src/(core|db)/'

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-orphan-packages', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'core-and-db-know-no-domain',
      comment: 'The kernel is what domains stand on.',
      severity: 'error',
      from: { path: `^${kernel}`, pathNot: '\\.test\\.ts$' },
      to: { path: '^backend/src/', pathNot: `^${kernel}` },
    },
    {
      name: 'drivers-only-in-db',
      comment: 'A store that imports a driver cannot be moved.',
      severity: 'error',
      from: { path: '^backend/src/', pathNot: ['^backend/src/db/', '\\.test\\.ts$'] },
      to: { path: 'node_modules/(pg|pg-copy-streams|better-sqlite3|@types/pg|@types/better-sqlite3)/' },
    },
    {
      name: 'sqlite-driver-where-a-file-is-opened',
      comment:
        'It is optional: loaded with the first file that is opened, in as few places as can say what is missing.',
      severity: 'error',
      from: {
        path: '^backend/src/',
        pathNot: [
          '^backend/src/db/(sqlite-worker|sqlite-server-lock)\\.ts$',
          '^backend/src/db/transfer/job\\.ts$',
          '^backend/src/db/snapshot/',
          '\\.test\\.ts$',
        ],
      },
      to: {
        path: 'node_modules/(better-sqlite3|@types/better-sqlite3)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'sqlite-only-where-stores-are-known',
      comment: 'What works on a store of either kind goes through AppDb.',
      severity: 'error',
      from: {
        path: '^backend/src/',
        pathNot: ['^backend/src/(db|moves|adopt|backups|doctor)/', '^backend/src/cli/', '\\.test\\.ts$'],
      },
      to: { path: '^backend/src/db/(transfer/)?sqlite' },
    },
    {
      name: 'express-only-at-the-edge',
      severity: 'error',
      from: {
        path: '^backend/src/',
        pathNot: ['^backend/src/core/http/', '\\.routes\\.ts$', '^backend/src/app\\.ts$', '\\.test\\.ts$'],
      },
      to: { path: 'node_modules/(express|@types/express)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'stores-are-leaves',
      comment: 'SQL against AppDb: no HTTP, no services, no other domain.',
      severity: 'error',
      from: { path: '^backend/src/([^/]+)/[^/]+\\.store\\.ts$' },
      to: { path: '^backend/src/', pathNot: [`^${kernel}`, '^backend/src/$1/'] },
    },
    {
      name: 'domains-through-their-index',
      severity: 'error',
      from: {
        path: '^backend/src/([^/]+)/',
        pathNot: ['^backend/src/(core|db|cli)/', '\\.test\\.ts$'],
      },
      to: { path: '^backend/src/[^/]+/', pathNot: [`^${kernel}`, '^backend/src/$1/', '/index\\.ts$'] },
    },
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      from: { path: '^(backend|frontend)/src/', pathNot: '\\.test\\.tsx?$' },
      to: { path: ['\\.test\\.tsx?$', '^backend/test/'] },
    },
    {
      name: 'features-do-not-import-each-other',
      severity: 'error',
      from: { path: '^frontend/src/features/([^/]+)/' },
      to: { path: '^frontend/src/features/', pathNot: '^frontend/src/features/$1/' },
    },
    {
      name: 'ui-and-lib-know-no-feature',
      severity: 'error',
      from: { path: '^frontend/src/(ui|lib)/' },
      to: { path: '^frontend/src/(features|app)/' },
    },
    {
      name: 'ui-fetches-nothing',
      severity: 'error',
      from: { path: '^frontend/src/ui/' },
      to: { path: '^frontend/src/lib/(api/client|socket|query)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'backend/tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json', '.css'],
    },
  },
}
