import { registryName, type SourceManifest } from './package-manifest.ts'

const SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'

/** The bundle for desktop clients, as it is published. */
export interface PublishedBundle {
  readonly name: string
  /** In hexadecimal. */
  readonly sha256: string
}

/**
 * `server.json` for the MCP registry: the two ways in which one person can run the tools without a server. A gateway for many
 * has an address of its own, which the registry cannot know.
 */
export function registryEntry(
  { name, version, description }: SourceManifest,
  repository: string,
  bundle: PublishedBundle
): object {
  const common = { version, transport: { type: 'stdio' } }
  const client = {
    name: 'GMAIL_OAUTH_PATH',
    description: 'File of an OAuth client at Google of type Desktop app',
    format: 'filepath',
    isRequired: true
  }
  return {
    $schema: SCHEMA,
    name: registryName(name, repository),
    title: 'Gmail MCP gateway',
    description,
    version,
    repository: { url: repository, source: 'github' },
    packages: [
      {
        ...common,
        registryType: 'npm',
        identifier: name,
        runtimeHint: 'npx',
        packageArguments: [{ type: 'positional', value: 'stdio' }],
        environmentVariables: [client]
      },
      {
        ...common,
        registryType: 'mcpb',
        identifier: `${repository}/releases/download/v${version}/${bundle.name}`,
        fileSha256: bundle.sha256
      }
    ]
  }
}
