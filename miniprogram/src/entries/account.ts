/** `mpauth/account`: closing an account, taking its data along, and what a person agreed to. */
export { type Account, type Consent, createAccount, type DataExport } from '../account/account'
