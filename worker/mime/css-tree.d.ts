/** The parts of css-tree that are used here, without its tables of all properties, which has types only as a whole. */
declare module 'css-tree/parser' {
  import type { CssNode, ParseOptions } from 'css-tree'

  function parse(text: string, options?: ParseOptions): CssNode
  // biome-ignore lint/style/noDefaultExport: it is theirs
  export default parse
}
declare module 'css-tree/generator' {
  import type { CssNode } from 'css-tree'

  function generate(node: CssNode): string
  // biome-ignore lint/style/noDefaultExport: it is theirs
  export default generate
}
declare module 'css-tree/utils' {
  export const ident: { decode(text: string): string }
}
