import { describe, expect, test } from 'vitest'
import { scan } from './free-variables'

const free = (text: string) => [...scan(text).free.keys()]

describe('what a file uses and does not declare', () => {
  test.each([
    ['window.x', ['window']],
    ['let a = window', ['window']],
    ['const { a, b: [c = d], ...e } = f; a + c + e', ['d', 'f']],
    ['function a(b, { c }, ...d) { return b + c + d + arguments.length + a }', []],
    ['{ let a } a', ['a']],
    ['{ var a } a', []],
    ['function f() { { var a } return a } a', ['a']],
    ['const f = function g() { g() }; g', ['g']],
    ['try {} catch (e) { e } e', ['e']],
    ['for (const a of b) a; a', ['b', 'a']],
    ['class A { b() { return this.b } static c() { return A } }; A', []],
    ['({ a: b, [c]: 1, d, e() {} }).f[g]', ['b', 'c', 'd', 'g']],
    ['a: for (;;) break a', []],
    ['switch (a) { case 1: let b; default: b }', ['a']],
    ['(({ a = b }) => a)()', ['b']],
    ['typeof process', ['process']],
    [`\`\${a}\``, ['a']],
  ])('%s', (text, names) => expect(free(text)).toEqual(names))

  test('newer syntax than ES2018 is refused', () => {
    for (const text of ['a?.b', 'a ?? b', 'try {} catch {}', 'class A { b = 1 }', 'import("a")', '1_0']) {
      expect(() => scan(text), text).toThrow(SyntaxError)
    }
  })

  test('a require tells its name, or that it has none', () => {
    expect(scan('require("a"); require(`b`); require(c); require("d" + e)').required).toEqual(['a', 'b', null, null])
  })

  test('what is taken from a required file is told, and not what has the same name elsewhere', () => {
    const text = 'const a = require("./a"); a.b(); (0, a.c)(a["d"]); function f(a) { return a.e }'
    expect(scan(text).taken).toEqual([
      ['./a', 'b'],
      ['./a', 'c'],
      ['./a', '[computed]'],
    ])
  })
})
