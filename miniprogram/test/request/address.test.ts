import { describe, expect, test } from 'vitest'
import { join, mergeHeaders, sameOrigin } from '../../src/request/address'

describe('join', () => {
  test.each([
    ['https://a.cn', 'b', 'https://a.cn/b'],
    ['https://a.cn/', '/b', 'https://a.cn/b'],
    ['https://a.cn/v1/', 'b?c=1', 'https://a.cn/v1/b?c=1'],
    ['https://a.cn/v1', '?c=1', 'https://a.cn/v1?c=1'],
    ['https://a.cn/v1/', '', 'https://a.cn/v1'],
    ['https://a.cn', 'https://b.cn/c', 'https://b.cn/c'],
    ['https://a.cn', '@b.cn/c', 'https://a.cn/@b.cn/c'],
    ['https://a.cn', '.b.cn/c', 'https://a.cn/.b.cn/c'],
    ['https://a.cn', '//b.cn/c', 'https://a.cn/b.cn/c'],
    ['https://a.cn', 'users:find', 'https://a.cn/users:find'],
    [undefined, 'https://b.cn/c', 'https://b.cn/c'],
  ])('of %s and %s', (base, url, joined) => {
    expect(join(base, url)).toBe(joined)
  })
})

describe('sameOrigin', () => {
  const base = 'https://api.example.com/v1'
  test.each([
    'https://api.example.com',
    'https://API.example.com/x',
    'HTTPS://api.example.com:443/x',
    'https://api.example.com?x',
  ])('%s is the same', (url) => {
    expect(sameOrigin(url, base)).toBe(true)
  })
  test.each([
    'http://api.example.com/',
    'https://api.example.com.evil.cn/',
    'https://api.example.com@evil.cn/',
    'https://api.example.com\\@evil.cn/',
    'https://evil.cn\\.api.example.com/',
    'https://api.example.com:8443/',
    'https://evil.cn/https://api.example.com',
    'https://api.example.com\t.evil.cn/',
    'https://api.example.com。evil.cn/',
    'ftp://api.example.com/',
    '//api.example.com/',
    '',
  ])('%s is another', (url) => {
    expect(sameOrigin(url, base)).toBe(false)
  })

  test('the port of https is not that of http', () => {
    expect(sameOrigin('http://127.0.0.1:443/x', 'http://127.0.0.1')).toBe(false)
  })
})

test('of two headers with one name the later stays', () => {
  expect(mergeHeaders({ authorization: 'mine', a: '1' }, undefined, { Authorization: 'theirs' })).toEqual({
    a: '1',
    authorization: 'theirs',
  })
})
