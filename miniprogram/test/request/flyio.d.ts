// The parts of fly.js that its own types do not declare.
declare module 'flyio/dist/npm/fly' {
  const FlyClass: new (engine: unknown) => unknown
  export default FlyClass
}

declare module 'flyio/dist/npm/engine-wrapper' {
  const wrap: <Q, A>(adapter: (request: Q, done: (response: A) => void) => void) => unknown
  export default wrap
}
