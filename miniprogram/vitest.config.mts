import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'threads',
    // Packing and compiling take their time on a machine that does much else.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // These start a real server, and have a configuration of their own.
    exclude: ['test/server/**', '**/node_modules/**'],
  },
})
