import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'threads',
    // These start a real server, and have a configuration of their own.
    exclude: ['test/server/**', '**/node_modules/**'],
  },
})
