import type { ConsentInput, User } from '../backend'
import {
  ConsentsDocument,
  type ConsentsQuery,
  DeleteAccountDocument,
  ExportMyDataDocument,
  type ExportMyDataMutation,
  RecordConsentDocument,
} from '../generated/documents'
import type { GraphQL } from '../request/graphql'
import type { Session, Snapshot } from '../session/types'

/** One line of the person's ledger: that they agreed to a text, or withdrew. */
export type Consent = ConsentsQuery['consents'][number]

/** Everything the server holds about the person, as a JSON document. */
export type DataExport = ExportMyDataMutation['exportMyData']

export interface Account<U extends User = User> {
  /**
   * Asks the server to close the account, with a fresh code as the proof that it is the person, and ends the login on
   * this device. From then on a login rejects with ACCOUNT_CLOSING, whose `data.closesAt` says when everything is erased.
   */
  deleteAccount(): Promise<{ closesAt: string }>
  /** Takes that back, and logs in. Ask the person first: a login alone does not restore. */
  restoreAccount(): Promise<Snapshot<U>>
  /** Everything the server holds about the person. */
  exportMyData(): Promise<DataExport>
  /** Records that the person agrees to a text, or withdraws. Answers the ledger, the latest first. */
  recordConsent(consent: ConsentInput): Promise<Consent[]>
  /** The person's ledger, the latest first. */
  consents(): Promise<Consent[]>
}

/** What the law lets people ask of an account: to close it, to take the data along, to agree and to withdraw. */
export function createAccount<U extends User>(session: Session<U>, graphql: GraphQL): Account<U> {
  /** A code that the login does not use: it may replace the session_key, of which the server is told by it. */
  const proof = async () => {
    await session.ensureLogin()
    return { input: { code: (await session.platform.login()).code } }
  }
  return {
    async deleteAccount() {
      const { deleteAccount } = await graphql.mutate(DeleteAccountDocument, await proof())
      // The server has ended all sessions of the account.
      session.clearSession('account closed', true)
      return deleteAccount
    },
    restoreAccount: () => session.login({ force: true, reason: 'restore', restores: true }),
    exportMyData: async () => (await graphql.mutate(ExportMyDataDocument, await proof())).exportMyData,
    recordConsent: async (input) => (await graphql.mutate(RecordConsentDocument, { input })).recordConsent.consents,
    consents: async () => (await graphql.query(ConsentsDocument)).consents,
  }
}
