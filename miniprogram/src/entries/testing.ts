/** `mpauth/testing`: a platform for Node and for an app's own tests. */
export * from '../testing'
