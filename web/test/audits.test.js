// The audits of the GraphQL over HTTP working group, against the server as a newcomer starts it, and
// with introspection off as in production.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { serverAudits } from 'graphql-http'
import { start, stopAll } from './servers.js'

after(stopAll)

async function audit(environment) {
  const server = await start({ MPAUTH_RATE_LIMITS: 'off', ...environment })
  return Promise.all(
    serverAudits({ url: `${server}/graphql` }).map(async ({ id, name, fn }) => ({ id, name, ...(await fn()) })),
  )
}

const ids = (results, status) => results.filter((result) => result.status === status).map(({ id }) => id)

const results = await audit({})

test('there are as many audits as there were', () => assert.equal(results.length, 61))

for (const { id, name, status, reason } of results) {
  test(`${id} ${name}`, () => assert.notEqual(status, 'error', reason))
}

test('nothing that should be is otherwise', () => assert.deepEqual(ids(results, 'warn'), []))

test('without introspection only the audits that ask for the schema complain', async () => {
  const shut = await audit({ MPAUTH_INTROSPECTION: 'off' })
  assert.deepEqual(ids(shut, 'error'), ['28B9'])
  assert.deepEqual(ids(shut, 'warn'), ['2EA1'])
})
