/** `mpauth/request`: requests with the login, and asking the person where the server wants to know more. */
export { authorized, type GuardSession, type Turn } from '../auth/authorized'
export { createRequest, type RequestConfig, type RequestOptions, type RequestSession } from '../request/request'
