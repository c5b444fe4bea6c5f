// The operations that an administrator's page starts with: find a person, look, act, look back.
import type { Operation } from './operations'

/** Stands where the id of a person belongs until one was found. */
export const NOBODY = ''

const today = new Date().toISOString().slice(0, 10)
const monthAgo = new Date(Date.now() - 30 * 24 * 3600 * 1000).toISOString().slice(0, 10)
const reason = 'ticket 1'

/** The number of whom the other playground, and the phone, log in first: people of the fake WeChat keep theirs. */
const ALICE = '13184676421'

export const administration: Operation[] = [
  {
    name: 'FindByPhone',
    query: `# Whoever is found first is put into the
# other tabs. A filter may also name id, openId,
# unionId, nickname, appId, status, hasPhone.
query FindByPhone($filter: UserFilter, $reason: String!) {
  users(filter: $filter, first: 20, reason: $reason) {
    edges {
      node {
        id
        status
        nickname
        phone
        createdAt
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: { filter: { phone: ALICE }, reason },
  },
  {
    name: 'Person',
    query: `# Everything about one person. That you looked,
# and why, stands in the audit trail: see AuditLog.
query Person($userId: ID!, $reason: String!) {
  user(id: $userId, reason: $reason) {
    id
    status
    disabledReason
    disabledUntil
    closesAt
    nickname
    phone
    identities {
      appId
      openId
      lastLoginAt
      hasSessionKey
    }
    sessions {
      id
      deviceName
      lastSeenAt
    }
    consents {
      purpose
      version
      granted
      at
    }
    events {
      at
      action
      actor
      reason
    }
  }
}
`,
    variables: { userId: NOBODY, reason },
  },
  {
    name: 'PhoneInFull',
    query: `# The trail names you and the reason.
query PhoneInFull($userId: ID!, $reason: String!) {
  phoneNumber(userId: $userId, reason: $reason)
}
`,
    variables: { userId: NOBODY, reason },
  },
  {
    name: 'Disable',
    query: `# Refused everywhere within a second, and at
# login. "until" makes it end by itself.
mutation Disable($input: SetUserStatusInput!) {
  setUserStatus(input: $input) {
    user {
      status
      disabledReason
      disabledUntil
    }
  }
}
`,
    variables: { input: { userId: NOBODY, status: 'DISABLED', reason, until: null } },
  },
  {
    name: 'Enable',
    query: `mutation Enable($input: SetUserStatusInput!) {
  setUserStatus(input: $input) {
    user {
      status
    }
  }
}
`,
    variables: { input: { userId: NOBODY, status: 'ACTIVE', reason } },
  },
  {
    name: 'EndSessions',
    query: `# All of them, or one with sessionId. The person
# may log in again.
mutation EndSessions($input: RevokeSessionsInput!) {
  revokeSessions(input: $input) {
    revoked
  }
}
`,
    variables: { input: { userId: NOBODY, reason } },
  },
  {
    name: 'UnbindPhone',
    query: `mutation UnbindPhone($input: UserReasonInput!) {
  unbindPhone(input: $input) {
    user {
      phone
    }
  }
}
`,
    variables: { input: { userId: NOBODY, reason } },
  },
  {
    name: 'AuditLog',
    query: `# What administrators did, the latest first.
# Other filters: userId, actor, appId, from, before.
query AuditLog($filter: AuditFilter) {
  auditLog(filter: $filter, first: 50) {
    edges {
      node {
        at
        action
        actor
        reason
        userId
        detail
        seal
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
    variables: { filter: { action: 'admin.' } },
  },
  {
    name: 'VerifyAudit',
    query: `# Reads the whole chain over the trail.
query VerifyAudit {
  verifyAuditLog {
    ok
    sealed
    problems
  }
}
`,
  },
  {
    name: 'Stats',
    query: `# Counted to the day in UTC; the last ten
# seconds are not in it yet.
query Stats($from: String!, $to: String!) {
  stats(from: $from, to: $to) {
    day
    appId
    kind
    name
    count
  }
}
`,
    variables: { from: monthAgo, to: today },
  },
  {
    name: 'WeChat',
    query: `# As the replica sees it that answers.
query WeChat {
  wechatStatus {
    appId
    tokenAgeSeconds
    tokenExpiresInSeconds
    endpoints {
      name
      breaker
      callsThisMinute
      heldBackSeconds
      misconfigured
    }
  }
  apps {
    appId
    flow
    group
    encryptedData
    contentCheck
    createOnSilentLogin
    phoneConflict
  }
}
`,
  },
  {
    name: 'RotateKeys',
    query: `# SIGNING, REFRESH, SESSION or PHONE. The new
# key is used from the time in the answer.
mutation RotateKeys($key: ServerKey!, $reason: String!) {
  rotateKeys(key: $key, reason: $reason) {
    useFrom
  }
}
`,
    variables: { key: 'SIGNING', reason },
  },
  {
    name: 'Keys',
    query: `# Who may come in here. The mutation
# revokeAdminKey(id: …, reason: …) ends one.
query Keys {
  adminKeys {
    id
    name
    roles
    expiresAt
    lastUsedAt
    revokedAt
  }
}
`,
  },
  {
    name: 'NewKey',
    query: `# SUPPORT, PRIVACY, AUDITOR, OPERATOR: only
# what you have. The secret is shown this once.
mutation NewKey($input: CreateAdminKeyInput!) {
  createAdminKey(input: $input) {
    secret
    key {
      id
      expiresAt
    }
  }
}
`,
    variables: { input: { name: 'ann', roles: ['SUPPORT'], days: 90, reason } },
  },
  {
    name: 'Erase',
    query: `# At once, and for good.
mutation Erase($input: UserReasonInput!) {
  eraseUser(input: $input) {
    userId
  }
}
`,
    variables: { input: { userId: NOBODY, reason } },
  },
]
