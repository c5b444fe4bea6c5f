declare module 'virtual:miniprogram' {
  const bundle: import('./bundle').Bundle
  export default bundle
}
