import { defineConfig } from 'vitest/config'

/** Far more than anything takes: what hangs is to fail, and a busy machine is not. */
const patience = 120_000

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/setup.ts',
    testTimeout: patience,
    hookTimeout: patience,
    expect: { poll: { timeout: patience / 2, interval: 20 } },
    fileParallelism: false, // one at a time is enough for a small machine
    isolate: false, // no file leaves anything behind in a module
  },
})
