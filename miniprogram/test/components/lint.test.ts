import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Build, build, names, sources } from './support/build'
import { installNative } from './support/native'

const require = createRequire(import.meta.url)
const { TmplGroup } = require('glass-easel-template-compiler')

/** What both frameworks and both renderers have. */
const native = ['view', 'text', 'image', 'button', 'input', 'form', 'block', 'slot']
/** Attributes that are not properties of a component. */
const general = /^(id|class|style|slot|wx:(if|elif|else|for|key|for-item|for-index)|aria-[a-z]+|(bind|catch):[a-z]+)$/

interface Tag {
  name: string
  attributes: Record<string, string>
}

function tagsOf(wxml: string): Tag[] {
  const text = wxml.replace(/<!--.*?-->/gs, '')
  return [...text.matchAll(/<([a-z-]+)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/g)].map(([, name, rest]) => ({
    name: name as string,
    attributes: Object.fromEntries(
      [...(rest as string).matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map(([, key, value]) => [key, value ?? '']),
    ),
  }))
}

interface Rule {
  selector: string
  body: string
}

function rulesOf(wxss: string): Rule[] {
  const text = wxss.replace(/\/\*.*?\*\//gs, '').replace(/@import[^;]*;/g, '')
  return [...text.matchAll(/([^{}]+)\{([^{}]*)\}/g)].map(([, selector, body]) => ({
    selector: (selector as string).trim(),
    body: body as string,
  }))
}

interface Definition {
  properties: Record<string, unknown>
  methods: Record<string, unknown>
  externalClasses: string[]
  options: { styleIsolation: string; virtualHost?: boolean }
}

describe('a template', () => {
  const definitions: Record<string, Definition> = {}
  let built: Build
  beforeAll(async () => {
    installNative()
    built = await build()
    for (const [tag, path] of Object.entries(built.tags)) {
      Object.assign(globalThis, { Component: (definition: Definition) => (definitions[tag] = definition) })
      require(join(built.root, path))
    }
  })
  afterAll(() => built?.remove())

  const tagOf = (file: string) => (file.includes('/pages/') ? 'auth-page' : basename(dirname(file)))

  describe.each(sources('.wxml').map((file) => [tagOf(file), file]))('%s', (tag, file) => {
    const wxml = readFileSync(file, 'utf8')
    const tags = tagsOf(wxml)

    test('is understood by glass-easel', () => {
      const group = new TmplGroup()
      expect(group.addTmpl(tag, wxml).map(String)).toEqual([])
      group.free()
    })

    test('has the tags of Mini Programs and of this package only', () => {
      const known = [...native, ...names]
      expect(tags.map(({ name }) => name).filter((name) => !known.includes(name as (typeof names)[number]))).toEqual([])
      // The count shows that the reader of this test has missed none.
      expect(tags).toHaveLength([...wxml.replace(/<!--.*?-->/gs, '').matchAll(/<[a-z]/g)].length)
    })

    test('binds with a colon, to methods that there are', () => {
      const { methods } = definitions[tag] as Definition
      for (const { attributes } of tags) {
        for (const [name, value] of Object.entries(attributes)) {
          expect(name).not.toMatch(/^(bind|catch)[a-z]|^wx-|^(on|mut-bind|capture-)/)
          if (/^(bind|catch):/.test(name)) expect(methods).toHaveProperty(value)
        }
      }
    })

    test('catches the events of native buttons and inputs, so that nobody hears them twice', () => {
      for (const { name, attributes } of tags.filter((each) => native.includes(each.name))) {
        const bound = Object.keys(attributes).filter((key) => key.startsWith('bind:'))
        expect(`${name} ${bound.filter((key) => key !== 'bind:tap')}`).toBe(`${name} `)
      }
    })

    test('gives components the properties that they have', () => {
      for (const { name, attributes } of tags.filter((each) => !native.includes(each.name))) {
        const { properties, externalClasses } = definitions[name] as Definition
        for (const attribute of Object.keys(attributes)) {
          if (general.test(attribute) || externalClasses.includes(attribute)) continue
          const property = attribute.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())
          expect(properties).toHaveProperty(property)
        }
      }
    })

    test('has the classes of its own style sheets, besides the external ones', () => {
      const wxss = [file.replace('.wxml', '.wxss'), ...sources('.wxss').filter((each) => each.includes('/shared/'))]
      const styles = wxss.map((each) => readFileSync(each, 'utf8')).join()
      const { externalClasses } = definitions[tag] as Definition
      const used = tags.flatMap(({ attributes }) => (attributes.class ?? '').match(/[a-z][\w-]*-[\w-]+/g) ?? [])
      const structure = ['mpauth-user', 'mpauth-flow']
      const strange = used.filter((name) => !styles.includes(`.${name}`) && !externalClasses.includes(name))
      expect(strange.filter((name) => !structure.includes(name))).toEqual([])
    })

    test('is isolated, but takes the styles of the page', () => {
      const { options } = definitions[tag] as Definition
      const config = JSON.parse(readFileSync(file.replace('.wxml', '.json'), 'utf8'))
      expect(options.styleIsolation).toBe('apply-shared')
      expect(options.virtualHost).not.toBe(true)
      expect(config).toMatchObject({ component: true, styleIsolation: 'apply-shared' })
      for (const path of Object.values(config.usingComponents ?? {})) {
        expect(existsSync(join(dirname(file), `${path}.wxml`))).toBe(true)
      }
    })
  })
})

describe('a style sheet', () => {
  const root = dirname(dirname(sources('.wxss')[0] as string))
  describe.each(sources('.wxss').map((file) => [relative(root, file), file]))('%s', (_, file) => {
    const wxss = readFileSync(file, 'utf8')
    const rules = rulesOf(wxss).filter(({ selector }) => !/^(from|to|@)/.test(selector))

    test('selects by class only, as Skyline and components want it', () => {
      for (const { selector } of rules) {
        for (const part of selector.replace(/^@media[^{]*/, '').split(',')) {
          expect(part.trim()).toMatch(/^(:host|(\.mpauth[\w-]*)(::after)?)$/)
        }
      }
    })

    test('says in which direction it flexes', () => {
      for (const { selector, body } of rules) {
        if (body.includes('display: flex')) expect(`${selector} ${body}`).toContain('flex-direction')
      }
    })

    test('lets text grow', () => {
      const drawn = /^\.mpauth-(picture|head|body|close|cross)$/
      for (const { selector, body } of rules) {
        if (/(^|\s)height: \d/.test(body)) expect(selector).toMatch(drawn)
        expect(body).not.toMatch(/font-size: \d+(px|rpx)|z-index|!important/)
      }
    })

    test('takes its colours from variables', () => {
      for (const { selector, body } of rules) {
        if (selector.includes('.mpauth') && selector !== '.mpauth') expect(body).not.toMatch(/#[0-9a-f]{3}|rgba?\(/)
      }
    })

    test('imports what there is', () => {
      for (const [, path] of wxss.matchAll(/@import "([^"]+)"/g)) {
        expect(existsSync(join(dirname(file), path as string))).toBe(true)
      }
    })
  })

  test('gives a finger 44 px', () => {
    const rules = sources('.wxss').flatMap((file) => rulesOf(readFileSync(file, 'utf8')))
    for (const name of ['button', 'quiet', 'plain', 'link', 'input']) {
      const sizes = rules
        .filter(({ selector }) => selector.split(/,\s*/).includes(`.mpauth-${name}`))
        .map(({ body }) => Number(/min-height: (\d+)px/.exec(body)?.[1] ?? 0))
      expect(Math.max(...sizes)).toBeGreaterThanOrEqual(44)
    }
  })

  test('has a dark side for each colour that the light one sets', () => {
    const theme = readFileSync(sources('.wxss').find((file) => file.endsWith('theme.wxss')) as string, 'utf8')
    const [light, dark] = theme.split('prefers-color-scheme: dark') as [string, string]
    const colours = [...light.matchAll(/(--mpauth--[\w-]+): var\(--mpauth-[\w-]+, (?:#|rgba)/g)].map(([, name]) => name)
    expect(colours.length).toBeGreaterThan(8)
    const same = ['--mpauth--on-primary', '--mpauth--primary']
    for (const name of colours) if (!same.includes(name as string)) expect(dark).toContain(`${name}:`)
  })
})
