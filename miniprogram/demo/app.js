import { session } from './auth'

App({
  onLaunch() {
    // Pages do not wait for this, and need not: whatever wants a login waits for it by itself.
    session.login().catch(() => {})
  },
})
