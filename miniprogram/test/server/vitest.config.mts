import { defineConfig } from 'vitest/config'

// Each file has a server of its own; the work is the servers', so more workers would only wait for them.
export default defineConfig({
  test: {
    include: ['test/server/**/*.test.ts'],
    globalSetup: ['test/server/support/binary.ts'],
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
