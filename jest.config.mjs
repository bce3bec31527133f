import { createRequire } from 'node:module'

const installed = createRequire(new URL('test/package.json', import.meta.url))
const { MATRIX_IOREDIS: ioredis, MATRIX_EXPRESS: express } = process.env

/** What `npm run matrix` has tests use instead; what processes of their own use is in test/support/versions.cjs. */
const otherVersions = {
  ...(ioredis && { '^ioredis$': installed.resolve(ioredis) }),
  ...(express && { '^express$': installed.resolve(express) }),
}

/** Tests run on the packages' TypeScript sources, compiled to CommonJS in memory: no build is needed for them. */
export default {
  testMatch: ['<rootDir>/packages/*/test/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
  // They need programs that npm does not bring: `npm run test:system`.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/system/'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@leasehold/source', 'node', 'node-addons'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1', ...otherVersions },
  // For a test that hangs, on a machine that others load as well; what a test waits for has a deadline of its own.
  testTimeout: 180_000,
  testSequencer: './test/support/longest-first.cjs',
  // What test files leave behind in a worker makes those after them slow.
  workerIdleMemoryLimit: '400MB',
}
