import { bearer } from '../bearer.ts'
import { signInBy } from '../sign-in.ts'
import { commandLine } from './command-line.ts'

const config = 'mcporter.json'

export const mcporter = commandLine({
  name: 'mcporter',
  packages: ['mcporter@0.12.3'],
  async begin(home, target) {
    const server = { baseUrl: target.url, headers: bearer(target) }
    const isSigningIn = target.token === undefined
    await home.write(config, {
      mcpServers: { gmail: { ...server, ...(isSigningIn && { auth: 'oauth' }) } }
    })
    return undefined
  },
  list: (home) => [...of(home), 'list', 'gmail', '--json'],
  call: (home, _target, tool, args) => [
    ...of(home),
    ...['call', `gmail.${tool}`, '--args', JSON.stringify(args)]
  ],
  signIn: async (place, { url }, person) => {
    await place.home.write(config, { mcpServers: { gmail: { baseUrl: url, auth: 'oauth' } } })
    await signInBy(place, person, { command: [...of(place.home), 'auth', 'gmail'] })
  }
})

const of = ({ bin, directory }: { bin(name: string): string; directory: string }) => [
  bin('mcporter'),
  ...['--config', `${directory}/${config}`]
]
