// WeChat's own npm build, as DevTools and miniprogram-ci run it, takes the packed package as it is: nothing is
// compiled again, nothing is left out, and what comes out starts where there is a `wx` and no Node.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, posix, relative, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'

const here = dirname(fileURLToPath(import.meta.url))
const sdk = resolve(here, '../..')
const work = mkdtempSync(join(tmpdir(), 'mpauth-npm-build-'))
const project = join(work, 'project')
const built = join(project, 'miniprogram_npm/mpauth')

const npm = (cwd, ...args) => execFileSync('npm', [...args, '--silent'], { cwd, encoding: 'utf8' })

/** Every file below a folder, with slashes. */
const filesIn = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => name.split('\\').join('/'))
    .sort()

const connections = []
let result

before(async () => {
  const [{ filename }] = JSON.parse(npm(sdk, 'pack', '--ignore-scripts', '--json', '--pack-destination', work))
  cpSync(join(here, 'project'), project, { recursive: true })
  npm(project, 'install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', join(work, filename))

  const connect = net.Socket.prototype.connect
  net.Socket.prototype.connect = function (...args) {
    connections.push(args[0])
    return connect.apply(this, args)
  }
  const { packNpmManually } = (await import('miniprogram-ci')).default
  result = await packNpmManually({
    packageJsonPath: join(project, 'package.json'),
    miniprogramNpmDistDir: project,
  })
})

after(() => rmSync(work, { recursive: true, force: true }))

test('the build takes the package as one that was made for Mini Programs, and warns of nothing', () => {
  assert.deepEqual(result, { miniProgramPackNum: 1, otherNpmPackNum: 0, warnList: [] })
})

test('the build asks nobody: it is the same without a network', () => {
  assert.deepEqual(connections, [])
})

test('the index, every sub-entry, every component and the page have their places', () => {
  const files = new Set(filesIn(built))
  for (const entry of ['index', 'texts', 'fly', 'log']) assert.ok(files.has(`${entry}.js`), entry)
  const native = ['components', 'pages'].flatMap((kind) =>
    readdirSync(join(sdk, kind))
      .filter((name) => existsSync(join(sdk, kind, name, 'index.ts')))
      .map((name) => `${kind}/${name}/index`),
  )
  assert.ok(native.length >= 6)
  for (const name of native)
    for (const kind of ['js', 'json', 'wxml', 'wxss']) assert.ok(files.has(`${name}.${kind}`), `${name}.${kind}`)
})

test('every file arrives as it was packed, byte by byte', () => {
  const packed = join(project, 'node_modules/mpauth/miniprogram_dist')
  assert.deepEqual(filesIn(built), filesIn(packed))
  for (const name of filesIn(built))
    assert.deepEqual(readFileSync(join(built, name)), readFileSync(join(packed, name)), name)
})

/**
 * The module system of a Mini Program: a file by its path, a package from miniprogram_npm, and nothing of Node.
 * https://developers.weixin.qq.com/miniprogram/dev/devtools/npm.html
 */
function miniProgram(wx) {
  const registered = { components: [], pages: [] }
  const context = vm.createContext({
    wx,
    console,
    setTimeout,
    clearTimeout,
    getApp: () => undefined,
    getCurrentPages: () => [],
    Component: (definition) => registered.components.push(definition),
    Page: (definition) => registered.pages.push(definition),
    Behavior: (definition) => definition,
  })
  const loaded = new Map()
  const load = (path) => {
    const file = [path, `${path}.js`, `${path}/index.js`].find(
      (name) => name.endsWith('.js') && existsSync(join(project, name)),
    )
    assert.ok(file, `${path} is not in the Mini Program`)
    if (!loaded.has(file)) {
      const module = { exports: {} }
      loaded.set(file, module)
      const run = vm.compileFunction(readFileSync(join(project, file), 'utf8'), ['require', 'module', 'exports'], {
        filename: file,
        parsingContext: context,
      })
      run(
        (name) => load(name.startsWith('.') ? posix.join(posix.dirname(file), name) : `miniprogram_npm/${name}`),
        module,
        module.exports,
      )
    }
    return loaded.get(file).exports
  }
  return { load, registered, loaded }
}

/** As little of `wx` as a start needs. */
function quietWx() {
  const stored = new Map()
  const listen = () => {}
  return {
    canIUse: () => true,
    getStorageSync: (key) => stored.get(key) ?? '',
    setStorageSync: (key, value) => stored.set(key, value),
    removeStorageSync: (key) => stored.delete(key),
    getAccountInfoSync: () => ({ miniProgram: { appId: 'wx0000000000000000', envVersion: 'develop' } }),
    getSystemInfoSync: () => ({ brand: 'Nobody', model: 'Phone', platform: 'ios', language: 'zh_CN' }),
    onAppShow: listen,
    offAppShow: listen,
    onAppHide: listen,
    offAppHide: listen,
    onNetworkStatusChange: listen,
    offNetworkStatusChange: listen,
    login: () => assert.fail('a start logs nobody in'),
    request: () => assert.fail('a start sends nothing'),
  }
}

test('a page requires it by its name, and has a session', () => {
  const { load, registered } = miniProgram(quietWx())
  load('pages/home/index')
  const [page] = registered.pages
  page.onLoad()
  assert.equal(page.session.name, 'default')
  assert.equal(page.session.peekToken(), null)
})

test('every file of it starts, and components share the index with the app', () => {
  const { load, registered, loaded } = miniProgram(quietWx())
  for (const name of filesIn(built)) if (name.endsWith('.js')) load(`miniprogram_npm/mpauth/${name.slice(0, -3)}`)
  assert.ok(registered.components.length + registered.pages.length >= 6)
  const copies = [...loaded.values()].filter(({ exports }) => 'createSession' in exports)
  assert.equal(copies.length, 1)
  assert.equal(relative(project, built), 'miniprogram_npm/mpauth')
})
