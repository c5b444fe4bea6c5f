// The same package by `require`, as Mini Programs in TypeScript compile it.
import mpauth = require('mpauth')
import fly = require('mpauth/fly')
import graphql = require('mpauth/graphql')
import guards = require('mpauth/guards')
import log = require('mpauth/log')
import request = require('mpauth/request')
import texts = require('mpauth/texts')

const session: mpauth.Session = mpauth.useSession()
export const step: mpauth.AuthStep = session.currentAuthStep()
export const text: string = texts.textOf(new mpauth.MpAuthError('NETWORK'))
export const entries = [
  fly.installFly,
  graphql.createGraphQL,
  guards.createGuards,
  log.realtimeSink,
  request.createRequest,
]
