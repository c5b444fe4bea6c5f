/**
 * The mistakes that the tests must catch: each is one the published design makes, or one that costs people their login.
 * `find` stands once in the file; `tests` are the files that speak of it.
 */
export const mutations = [
  {
    name: 'no lock',
    file: 'src/lock-queue.ts',
    find: '    if (this.flight) {',
    replace: '    if (this.flight && this.waiting < 0) {',
    tests: ['session/login', 'primitives/lock-queue'],
  },
  {
    name: 'no comparison of the carried token',
    file: 'src/session/renewal.ts',
    find: 'if (token !== undefined && refused !== token) return this.ready(reason)',
    replace: '',
    tests: ['session/refresh'],
  },
  {
    // Twenty stand for all: a loop without an end could not be told from a test that hangs.
    name: 'unbounded replay',
    file: 'src/request/auth-core.ts',
    find: "      if (verdict === 'expired') throw this.replayFailed(response)",
    replace: `      for (let n = 0; verdict === 'expired' && n < 20; n++) {
        const again = await this.renew(renewed)
        response = await send(this.header(again), again)
        verdict = this.verdict(response)
      }`,
    tests: ['request/auth-core'],
  },
  {
    name: 'no epoch',
    file: 'src/session/renewal.ts',
    find: 'if (this.destroyed || epoch !== this.current) throw',
    replace: 'if (this.destroyed) throw',
    tests: ['session/logout', 'session/invariants'],
  },
  {
    name: 'fuse outside the queue',
    file: 'src/session/renewal.ts',
    find: '    this.fuse.pass()\n',
    replace: '',
    and: { find: '    const stale = this.vault', replace: '    this.fuse.pass()\n    const stale = this.vault' },
    tests: ['session/retry'],
  },
  {
    name: 'replay after a decryption that failed',
    file: 'src/request/auth-core.ts',
    find: "    if (verdict === 'decrypt') await this.renewKey()",
    replace: `    if (verdict === 'decrypt') {
      await this.renewKey()
      const renewed = await this.session.getToken()
      response = await send(this.header(renewed), renewed)
    }`,
    tests: ['session/session-key', 'request/auth-core'],
  },
  {
    name: 'no leeway',
    file: 'src/session/snapshot.ts',
    find: 'expiresAt - Math.min(leewayMs, (expiresAt - loginAt) / 2)',
    replace: 'expiresAt',
    tests: ['session/login'],
  },
  {
    name: 'clearing before the new login',
    file: 'src/session/renewal.ts',
    find: '    this.status.ing()\n',
    replace: '    this.status.ing()\n    this.vault.write({ snap: null })\n',
    tests: ['session/refresh'],
  },
  {
    name: 'query lost on the way back',
    file: 'src/auth/auth-page.ts',
    find: 'Object.entries(query || {})',
    replace: 'Object.entries({})',
    tests: ['auth/auth-page', 'auth/must-auth'],
  },
]
