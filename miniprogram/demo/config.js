/** Where the mpauth server is. A phone wants https and a domain that the console of the Mini Program lists. */
export const server = 'http://127.0.0.1:8080'

/** What the app asks of people, in this order: the same as the server's MPAUTH_FLOW. */
export const flow = ['PROFILE', 'PHONE']
