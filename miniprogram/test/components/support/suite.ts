import { afterAll, afterEach, beforeAll, beforeEach, describe, vi } from 'vitest'
import type { SessionOptions } from '../../../src/session/types'
import { type Build, build } from './build'
import { installNative, type Native } from './native'
import { exparser, glassEasel, type Scene, Screen, writeScenes } from './runtime'
import { type World, world } from './world'

/** What a test works with; new for each. */
export interface Bench {
  readonly build: Build
  readonly native: Native
  /** Puts a scene on the screen. */
  show(scene: Scene, data?: object): Screen
  /** Creates a session; it ends with the test. */
  world(options?: Partial<SessionOptions>): World
}

/** Runs the same tests in both component frameworks. A scene must be declared before, beside the tests. */
export function inBothFrameworks(tests: (bench: Bench) => void): void {
  let built: Build
  beforeAll(async () => {
    installNative()
    built = await build()
    writeScenes(built)
  })
  afterAll(() => built?.remove())

  describe.each([exparser(), glassEasel()])('$name', (runtime) => {
    const shown: Screen[] = []
    const worlds: World[] = []
    let native: Native

    beforeAll(() => runtime.load(built))

    beforeEach(() => {
      native = installNative()
    })
    afterEach(() => {
      for (const screen of shown.splice(0).reverse()) screen.detach()
      for (const { session } of worlds.splice(0)) session.destroy()
      vi.useRealTimers()
    })

    tests({
      get build() {
        return built
      },
      get native() {
        return native
      },
      show(scene, data = {}) {
        const screen = new Screen(runtime, runtime.create(scene), data)
        shown.push(screen)
        return screen
      },
      world(options) {
        const made = world(built, options)
        worlds.push(made)
        return made
      },
    })
  })
}
