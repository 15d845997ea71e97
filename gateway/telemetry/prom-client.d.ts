/** The default metrics of prom-client that are used here; its types have them only all together. */
declare module 'prom-client/lib/metrics/*.js' {
  import type { Registry } from 'prom-client'

  function collect(registry: Registry): void
  // biome-ignore lint/style/noDefaultExport: it is theirs
  export default collect
}
