/** `mpauth/testing`: the SDK without a phone, for Node and for an app's own tests. */
export {
  type FetchAnswer,
  type FetchLike,
  type NetworkFault,
  type NodePlatform,
  type NodePlatformOptions,
  nodePlatform,
  type PlatformCall,
} from './node-platform'
export { memoryStorage } from './storage'
