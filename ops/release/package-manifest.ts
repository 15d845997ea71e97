import * as z from 'zod'

/** What of this project's own package.json the published one is made of. */
const Source = z.object({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  license: z.string(),
  type: z.literal('module'),
  engines: z.record(z.string(), z.string()),
  bin: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
  repository: z.unknown().optional()
})

/** The project's own package.json, read. */
export type SourceManifest = z.infer<typeof Source>

/** Reads package.json; throws where something is missing that a published package needs. */
export const readManifest = (text: string): SourceManifest => Source.parse(JSON.parse(text))

/**
 * The package.json of what is published: programs in JavaScript, since Node takes the types off no file below a
 * node_modules (https://nodejs.org/api/typescript.html#type-stripping-in-dependencies), and nothing for development.
 */
export function publishedManifest(source: SourceManifest, repository: string | undefined): object {
  const { bin, ...kept } = source
  return {
    ...kept,
    ...(repository !== undefined && {
      repository: { type: 'git', url: `git+${repository}.git` },
      mcpName: registryName(source.name, repository)
    }),
    bin: Object.fromEntries(Object.entries(bin).map(([name, file]) => [name, compiled(file)])),
    imports: { '#shared/*.ts': './shared/*.js' }
  }
}

/**
 * The name in the MCP registry: that of the code's owner reversed, as the registry can check it
 * (https://github.com/modelcontextprotocol/registry, docs/reference/server-json). Throws where it is no public repository.
 */
export function registryName(name: string, repository: string): string {
  const { hostname, pathname } = new URL(repository)
  const [, owner = '', project = '', ...more] = pathname.split('/')
  if (hostname !== 'github.com' || !owner || !project || more.length > 0)
    throw new Error(
      `The repository has to be like https://github.com/OWNER/PROJECT, not ${JSON.stringify(repository)}.`
    )
  return `io.github.${owner}/${name}`
}

const compiled = (file: string): string => file.replace(/\.ts$/, '.js')
