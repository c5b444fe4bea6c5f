import type { Plugin } from 'vite'
import { type CompileOptions, compile } from './index'

const id = 'virtual:miniprogram'

/** Lets `import bundle from 'virtual:miniprogram'` mean the Mini Program in the directory. */
export function miniProgram(directory: string, options: CompileOptions = {}): Plugin {
  return {
    name: 'miniprogram',
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    load(source) {
      if (source !== `\0${id}`) return undefined
      const { code, files } = compile(directory, { warn: (message) => this.warn(message), ...options })
      for (const file of files) this.addWatchFile(file)
      return { code, map: null, moduleSideEffects: false }
    },
  }
}
