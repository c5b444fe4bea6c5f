/** `mpauth/texts`: words for people, for every error and for the components. */
export {
  type LabelName,
  type Labels,
  type Language,
  labels,
  type OwnTexts,
  setTexts,
  type TextOverrides,
  textOf,
} from '../texts'
