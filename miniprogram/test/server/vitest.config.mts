import { defineConfig } from 'vitest/config'

// Each file has a server of its own; the work is the servers', so more workers would only wait for them.
export default defineConfig({
  test: {
    include: ['test/server/**/*.test.ts'],
    globalSetup: ['test/server/support/binary.ts'],
    maxWorkers: 2,
    // Far more than anything takes, for machines that are busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
})
