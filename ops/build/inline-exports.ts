import type { Plugin } from 'esbuild'

/** Bundles what a module exports, as it is now, in the place of the module. It may export only what JSON can say. */
export const inlineExports = (file: string): Plugin => ({
  name: 'as-values',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path !== file) return undefined
      const values: Record<string, unknown> = await import(file)
      const exported = Object.entries(values).map(
        // As a string it is read when it is needed, and faster than a literal.
        ([name, value]) =>
          `export const ${name} = JSON.parse(${JSON.stringify(JSON.stringify(value))})`
      )
      return { contents: exported.join('\n'), loader: 'js' }
    })
  }
})
