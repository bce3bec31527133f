import config from './jest.config.mjs'

/** The tests that need a browser or a load balancer: `npm run test:system` finds or installs these. */
export default {
  ...config,
  testMatch: ['<rootDir>/test/system/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
}
