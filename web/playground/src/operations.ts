// The operations that the page starts with, in the order in which a Mini Program meets them.

/** An operation of a tab. Its name is the title of the tab. */
export interface Operation {
  name: string
  query: string
  /** Left out where the operation takes none. */
  variables?: Record<string, unknown>
}

/** Stands where a code belongs until there is one. */
const NO_CODE = ''

export const logIn: Operation = {
  name: 'LogIn',
  query: `# wx.login gives the Mini Program a code, and
# silentLogin takes it. Each code works once.
# "New login code" fetches one from the fake
# WeChat and puts it into the variables below.
mutation LogIn($input: SilentLoginInput!) {
  silentLogin(input: $input) {
    token
    expiresIn
    refreshToken
    isNewUser
    user {
      id
      authStep
      missing
    }
  }
}
`,
  variables: {
    input: { code: NO_CODE, nonce: NO_CODE, device: { id: 'playground', name: 'Playground', platform: 'web' } },
  },
}

const whoAmI: Operation = {
  name: 'WhoAmI',
  query: `# Who asks, and what they still have to give.
# Every tab sends the token: see Headers below.
query WhoAmI {
  me {
    id
    nickname
    phone {
      masked
    }
    authStep
    missing
    createdAt
    lastLoginAt
  }
}
`,
}

const giveProfile: Operation = {
  name: 'GiveProfile',
  query: `# A profile is a nickname. It is the first fact
# of the default flow: the AuthStep becomes TWO.
mutation GiveProfile($input: UpdateUserInput!) {
  updateUser(input: $input) {
    user {
      nickname
      authStep
      missing
    }
  }
}
`,
  variables: { input: { nickname: 'Alice' } },
}

export const bindPhone: Operation = {
  name: 'BindPhone',
  query: `# A tap on a button whose open-type is
# getPhoneNumber gives the Mini Program a code.
# "New phone code" fetches one from the fake.
mutation BindPhone($input: UpdatePhoneInput!) {
  updatePhone(input: $input) {
    user {
      phone {
        masked
        countryCode
        number
      }
      authStep
      missing
    }
  }
}
`,
  variables: { input: { code: NO_CODE } },
}

const devices: Operation = {
  name: 'Devices',
  query: `# Where the person is logged in. The mutation
# revokeSession(id: …) ends one of these.
query Devices {
  sessions {
    id
    current
    device {
      name
      platform
    }
    createdAt
    lastSeenAt
    expiresAt
  }
}
`,
}

const logOut: Operation = {
  name: 'LogOut',
  query: `# Ends the session. The token in the header is
# still well signed: run WhoAmI to see it refused.
mutation LogOut($input: LogoutInput) {
  logout(input: $input) {
    ok
  }
}
`,
  variables: { input: { scope: 'THIS' } },
}

export const operations = [logIn, whoAmI, giveProfile, bindPhone, devices, logOut]

/** What the button "Refresh" sends. */
export const refreshQuery = `mutation Refresh($input: RefreshTokenInput!) {
  refreshToken(input: $input) {
    token
    expiresIn
    refreshToken
  }
}
`

/** The variables as the editor shows them. */
export function printVariables(variables: Operation['variables']): string {
  return variables ? JSON.stringify(variables, null, 2) : ''
}
