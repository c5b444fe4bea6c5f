import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { built, root } from './built'

test('the tests of the session, of the guards and of requests pass on what is published', { timeout: 600_000 }, () => {
  built('miniprogram_dist')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const args = [vitest, 'run', '--config', join(root, 'test/package/minified.config.mts'), '--reporter', 'dot']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect(status, stdout + stderr).toBe(0)
})
