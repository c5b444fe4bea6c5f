import { button, choice, h } from './dom'
import type { Stage } from './stage'
import { type Language, type Library, libraries, type Platform, type Theme, writeState } from './state'

const entries = <T extends string>(names: Record<T, string>) => Object.entries(names) as [T, string][]

/** What kind of phone it is, and in which language everything is said. */
export function devicePart(stage: Stage): HTMLElement[] {
  const { w, state } = stage
  const said = h('p', { class: 'said', role: 'status' })
  const copy = () =>
    void Promise.resolve(navigator.clipboard?.writeText(stage.link()) ?? Promise.reject(new Error('no clipboard'))).then(
      () => (said.textContent = w.device.linked),
      () => (said.textContent = w.device.linkFailed),
    )
  return [
    h('h2', {}, w.device.title),
    choice<Platform>(w.device.platform, 'platform', entries(w.device.platforms), state.platform, (platform) => void stage.setPlatform(platform)),
    h('small', {}, w.device.platformNote),
    choice<Library>(w.device.library, 'library', libraries.map((version) => [version, version] as const), state.library, (library) => void stage.setLibrary(library)),
    h('small', {}, w.device.libraryNote),
    choice<Theme>(w.device.theme, 'theme', entries(w.device.themes), state.theme, (theme) => stage.setTheme(theme)),
    languageChoice(w.device.language, stage),
    button(w.device.link, copy),
    said,
  ]
}

/** Everything that was said is in one language, so it is said anew. */
function languageChoice(legend: string, stage: Stage): HTMLElement {
  const options = [['zh', '中文'], ['en', 'English']] as const
  return choice<Language>(legend, 'language', options, stage.state.language, (language) => {
    history.replaceState(null, '', writeState({ ...stage.state, language }))
    location.reload()
  })
}
