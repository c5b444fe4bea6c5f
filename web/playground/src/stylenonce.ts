// Monaco and Radix write their rules into <style> elements, which the page's Content-Security-Policy
// allows to elements that carry the nonce of the answer. This has to run before either is loaded.
const nonce = document.querySelector<HTMLMetaElement>('meta[name=style-nonce]')?.nonce ?? ''
const createElement = document.createElement.bind(document)

document.createElement = (name: string, options?: ElementCreationOptions) => {
  const element = createElement(name, options)
  if (element instanceof HTMLStyleElement) element.nonce = nonce
  return element
}
