/** An answer of the GraphQL endpoint, as far as this page looks into it. */
export interface Answer {
  data?: Record<string, unknown> | null
  errors?: { message: string; extensions?: { code?: string } }[]
}
