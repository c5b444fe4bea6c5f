import type { glassEasel } from 'glass-easel-miniprogram-adapter'
import type { Context } from '../runtime/context'
import { button } from './button'
import { choiceSpecs } from './choice'
import { navigator, picker, rootPortal, scrollView, swiper, swiperItem } from './containers'
import { icon, image, pageMeta, richText, text, view } from './content'
import { define, type Spec } from './define'
import { form } from './form'
import { input, textarea } from './input'

/** Defines the components that come with WeChat. */
export function defineBuiltIns(space: glassEasel.ComponentSpace, program: Context) {
  const specs: Record<string, Spec> = {
    view,
    'cover-view': view,
    text,
    image: image(program),
    'cover-image': image(program),
    icon,
    button: button(program),
    input: input(program),
    textarea: textarea(program),
    form: form(program),
    'scroll-view': scrollView,
    swiper,
    'swiper-item': swiperItem,
    'root-portal': rootPortal,
    navigator: navigator(program),
    picker: picker(program),
    'rich-text': richText,
    'page-meta': pageMeta(program),
    ...choiceSpecs,
  }
  for (const [tag, spec] of Object.entries(specs)) define(space, tag, spec)
}
